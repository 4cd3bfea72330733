# mvsdk_add_application: from sources to an image for the board.

# What every application on `board` is linked with: vector table, start-up, C library stubs, system calls. The objects are
# compiled once per project; `target` receives the name of the library.
function(_mvsdk_board_library board target)
    set(library mvsdk_${board})
    set(${target} ${library} PARENT_SCOPE)
    if(TARGET ${library})
        return()
    endif()
    if(NOT CMAKE_C_COMPILER_LOADED OR NOT CMAKE_ASM_COMPILER_LOADED)
        message(FATAL_ERROR "The board's start-up code is in C and assembler: project(... LANGUAGES C ASM), CXX if you like.")
    endif()
    set(folder "${MVSDK_BOARD_SUPPORT}/${board}")
    set(kernel "${MVSDK_BOARD_SUPPORT}/microvisor")
    if(NOT EXISTS "${folder}/board.toml")
        message(FATAL_ERROR "There is no board '${board}' in ${MVSDK_BOARD_SUPPORT}.")
    endif()
    add_library(${library} OBJECT
        "${folder}/vectors.c"
        "${folder}/startup.c"
        "${folder}/newlib_stubs.c"
        "${kernel}/mv_syscalls.S"
    )
    target_include_directories(${library} SYSTEM PUBLIC "${folder}/include" "${kernel}/include")
    target_compile_features(${library} PRIVATE c_std_11)
endfunction()

# The image as plain bytes and as Intel HEX. Gaps hold what erased flash holds.
function(_mvsdk_add_images name)
    set(outputs)
    foreach(format "binary:bin" "ihex:hex")
        string(REPLACE ":" ";" format "${format}")
        list(GET format 0 bfd)
        list(GET format 1 suffix)
        set(output "${CMAKE_CURRENT_BINARY_DIR}/${name}.${suffix}")
        add_custom_command(
            OUTPUT "${output}"
            COMMAND "${CMAKE_OBJCOPY}" -O ${bfd} --gap-fill 0xFF "$<TARGET_FILE:${name}>" "${output}"
            DEPENDS ${name}
            COMMENT "Writing ${name}.${suffix}"
            VERBATIM
        )
        list(APPEND outputs "${output}")
    endforeach()
    add_custom_target(${name}_images ALL DEPENDS ${outputs})
endfunction()

# mvsdk_add_application(<name> [BOARD <board>] [PRINTF_FLOAT] <source>...)
#
# Adds the executable target <name>. Building it gives <name>.elf, .bin, .hex and .map in the current binary folder.
#   BOARD         a folder of board-support/; default: stm32u585
#   PRINTF_FLOAT  lets printf() of the nano library print floating-point numbers (about 13 KiB)
# The target is an ordinary one: target_compile_options, target_include_directories and so on add to it.
function(mvsdk_add_application name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "PRINTF_FLOAT" "BOARD" "")
    if(NOT arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "mvsdk_add_application(${name}): name at least one source file.")
    endif()
    if(NOT arg_BOARD)
        set(arg_BOARD stm32u585)
    endif()
    _mvsdk_board_library(${arg_BOARD} library)
    set(script "${MVSDK_BOARD_SUPPORT}/${arg_BOARD}/${arg_BOARD}.ld")

    add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PRIVATE ${library})
    target_link_options(${name} PRIVATE
        "-T${script}"
        -Wl,--gc-sections
        -Wl,--build-id=none
        "-Wl,-Map=${CMAKE_CURRENT_BINARY_DIR}/${name}.map"
        "$<$<BOOL:${arg_PRINTF_FLOAT}>:-u_printf_float>"
    )
    set_target_properties(${name} PROPERTIES
        SUFFIX .elf
        RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
        LINK_DEPENDS "${script}"
        ADDITIONAL_CLEAN_FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}.map"
    )
    _mvsdk_add_images(${name})
endfunction()

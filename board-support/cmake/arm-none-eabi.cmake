# CMake toolchain file: GNU Arm Embedded for the Cortex-M33 of a Microvisor device.
#
# Settings (cache variables):
#   MVSDK_TOOLCHAIN   folder of the compiler, or the one above its bin/; empty: search PATH
#   MVSDK_FLOAT_ABI   soft (default, as Microvisor's own samples), softfp or hard

set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m33)

set(MVSDK_TOOLCHAIN "" CACHE PATH "Folder of arm-none-eabi-gcc; empty: search PATH")
set(MVSDK_FLOAT_ABI soft CACHE STRING "Procedure call standard for floating point: soft, softfp or hard")
set_property(CACHE MVSDK_FLOAT_ABI PROPERTY STRINGS soft softfp hard)
if(NOT MVSDK_FLOAT_ABI MATCHES "^(soft|softfp|hard)$")
    message(FATAL_ERROR "MVSDK_FLOAT_ABI is '${MVSDK_FLOAT_ABI}'. Use soft, softfp or hard.")
endif()

# A compile check reads this file again, in a project of its own that knows only these variables.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MVSDK_TOOLCHAIN MVSDK_FLOAT_ABI)
# Without start-up code and linker script such a project cannot link a program.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

# CMake keeps the compiler it has once found and its options, and would pass over a change without a word.
set(machine_settings "${MVSDK_TOOLCHAIN}|${MVSDK_FLOAT_ABI}")
if(DEFINED MVSDK_CONFIGURED_WITH AND NOT MVSDK_CONFIGURED_WITH STREQUAL machine_settings)
    message(FATAL_ERROR
        "MVSDK_TOOLCHAIN or MVSDK_FLOAT_ABI has changed, and a build folder keeps its compiler. "
        "Empty ${CMAKE_BINARY_DIR} and configure again.")
endif()

foreach(tool gcc g++ objcopy)
    if(MVSDK_TOOLCHAIN)
        find_program(MVSDK_${tool} arm-none-eabi-${tool} PATHS "${MVSDK_TOOLCHAIN}" "${MVSDK_TOOLCHAIN}/bin" NO_DEFAULT_PATH)
        set(searched "in ${MVSDK_TOOLCHAIN}")
    else()
        find_program(MVSDK_${tool} arm-none-eabi-${tool})
        set(searched "on PATH")
    endif()
    mark_as_advanced(MVSDK_${tool})
    if(NOT MVSDK_${tool})
        message(FATAL_ERROR
            "arm-none-eabi-${tool} was not found ${searched}. Install the GNU Arm Embedded tool chain "
            "(Debian, Ubuntu: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi "
            "libstdc++-arm-none-eabi-newlib), or say where it is with -DMVSDK_TOOLCHAIN=<folder>.")
    endif()
endforeach()

set(MVSDK_CONFIGURED_WITH "${machine_settings}" CACHE INTERNAL "MVSDK_TOOLCHAIN|MVSDK_FLOAT_ABI")

# As part of the compiler, the machine's options hold for every target and check, whatever CMAKE_C_FLAGS says.
set(machine -mcpu=cortex-m33 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=${MVSDK_FLOAT_ABI})
set(CMAKE_C_COMPILER ${MVSDK_gcc} ${machine})
set(CMAKE_ASM_COMPILER ${MVSDK_gcc} ${machine})
set(CMAKE_CXX_COMPILER ${MVSDK_g++} ${machine})
set(CMAKE_OBJCOPY ${MVSDK_objcopy} CACHE FILEPATH "Turns the ELF file into .bin and .hex")

# Headers and libraries come from the tool chain or from the project, never from the machine that builds.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

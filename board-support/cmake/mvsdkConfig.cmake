# The CMake side of mvsdk.
#
#   cmake_minimum_required(VERSION 3.22)
#   find_package(mvsdk REQUIRED)            # before project(): it chooses the compiler
#   project(blinky LANGUAGES C ASM)
#   mvsdk_add_application(blinky src/main.c)
#
# `mvsdk build` tells CMake where this file is; without it: cmake -Dmvsdk_DIR=<this folder> ...,
# and `mvsdk cmake-directory` prints the folder.
#
# Settings (cache variables, to be set on the command line, in a preset, or before find_package):
#   MVSDK_TOOLCHAIN, MVSDK_FLOAT_ABI        see arm-none-eabi.cmake
#   MVSDK_LIBC                              nano (default: small) or full (needed for C++ exceptions)
#   CMAKE_BUILD_TYPE                        Debug (default) or Release

if(CMAKE_VERSION VERSION_LESS 3.22)
    set(mvsdk_FOUND FALSE)
    set(mvsdk_NOT_FOUND_MESSAGE "CMake 3.22 or newer is needed; this is ${CMAKE_VERSION}.")
    return()
endif()
if(CMAKE_C_COMPILER_LOADED OR CMAKE_CXX_COMPILER_LOADED)
    set(mvsdk_FOUND FALSE)
    set(mvsdk_NOT_FOUND_MESSAGE "Call find_package(mvsdk REQUIRED) before project(): it chooses the compiler.")
    return()
endif()

get_filename_component(MVSDK_BOARD_SUPPORT "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

if(NOT CMAKE_TOOLCHAIN_FILE)
    set(CMAKE_TOOLCHAIN_FILE "${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake" CACHE FILEPATH "Chooses the compiler")
endif()
if(NOT DEFINED CMAKE_EXPORT_COMPILE_COMMANDS)
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

set(MVSDK_LIBC nano CACHE STRING "C library: nano or full")
set_property(CACHE MVSDK_LIBC PROPERTY STRINGS nano full)
if(NOT MVSDK_LIBC MATCHES "^(nano|full)$")
    message(FATAL_ERROR "MVSDK_LIBC is '${MVSDK_LIBC}'. Use nano or full.")
endif()

# CMake's own defaults are for desktops: -O3 for a release, no optimisation at all for debugging.
set(CMAKE_BUILD_TYPE Debug CACHE STRING "Debug or Release")
foreach(language C CXX ASM)
    set(CMAKE_${language}_FLAGS_DEBUG "-Og -g3" CACHE STRING "Options of a Debug build")
    set(CMAKE_${language}_FLAGS_RELEASE "-Os -g -DNDEBUG" CACHE STRING "Options of a Release build")
endforeach()

# These hold for every target of the project, so libraries it builds fit its applications. What a target adds comes later
# on the command line and wins, as in target_compile_options(app PRIVATE -fexceptions -frtti).
add_compile_options(
    -ffunction-sections
    -fdata-sections
    -fno-common
    "$<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions;-fno-rtti;-fno-threadsafe-statics>"
)
if(MVSDK_LIBC STREQUAL nano)
    add_compile_options(--specs=nano.specs)
    add_link_options(--specs=nano.specs)
endif()

# The same sources give the same bytes wherever they lie: debug information and __FILE__ name files relative to the source
# folder, and the compiler's working folder is ".", so a debugger started there finds them. Sources that lie outside of the
# source folder need a map of their own. The last map that fits wins.
function(_mvsdk_map_folder folder itself inside)
    get_filename_component(real "${folder}" REALPATH)
    # A folder reached through a link goes by two names, and the compiler may see either. (CMake drops what is there twice.)
    foreach(path "${real}" "${folder}")
        foreach(map "${path}=${itself}" "${path}/=${inside}")
            add_compile_options("-ffile-prefix-map=${map}")
            # The compiler does not hand its maps on to the assembler.
            add_compile_options(
                "$<$<COMPILE_LANGUAGE:ASM>:SHELL:-Xassembler --debug-prefix-map -Xassembler \"${map}\">")
        endforeach()
    endforeach()
endfunction()

_mvsdk_map_folder("${CMAKE_SOURCE_DIR}" . "")
_mvsdk_map_folder("${CMAKE_BINARY_DIR}" . build/)
_mvsdk_map_folder("${MVSDK_BOARD_SUPPORT}" mvsdk mvsdk/)

include("${CMAKE_CURRENT_LIST_DIR}/application.cmake")
set(mvsdk_FOUND TRUE)

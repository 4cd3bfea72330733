# Chooses our compiler for a project that chooses none. `mvsdk build` lets project() include this first in CMake projects
# without an mvsdk.toml (CMAKE_PROJECT_INCLUDE_BEFORE), when presets and the project's own lines have been read.
if(NOT CMAKE_TOOLCHAIN_FILE AND NOT CMAKE_SYSTEM_NAME AND NOT CMAKE_C_COMPILER AND NOT CMAKE_CXX_COMPILER)
    set(CMAKE_TOOLCHAIN_FILE "${CMAKE_CURRENT_LIST_DIR}/arm-none-eabi.cmake" CACHE FILEPATH "Chooses the compiler")
endif()

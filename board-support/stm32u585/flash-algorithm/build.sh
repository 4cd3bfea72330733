#!/bin/sh
# Compile the STM32U585's flash algorithm, non-secure and secure, into a folder: `build.sh [FOLDER]`. Without one the
# packaged files are written anew. The same compiler gives the same bytes in any folder.
set -eu
sources=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "${1:-$sources}" && pwd)
cd "$sources"

build() {
    name=$1
    shift
    arm-none-eabi-gcc -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror \
        -mcpu=cortex-m33 -mthumb -mfloat-abi=soft -Os -fpie -ffreestanding -fno-tree-loop-distribute-patterns \
        -fno-unwind-tables -fno-asynchronous-unwind-tables "$@" flash_algorithm.c \
        -nostdlib -Wl,-T,flash_algorithm.ld -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-e,Init \
        -o "$folder/$name.flm"
    chmod 644 "$folder/$name.flm"
}

build stm32u585
build stm32u585-secure -DSECURE

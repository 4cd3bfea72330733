/* Log lines: on the screen under `mvsdk emulate`, in the cloud from a device. */

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

class Log {
public:
    /* Give the kernel the buffer that messages wait in. */
    Log();

    /* The kernel knows the buffer by its address. */
    Log(const Log &) = delete;
    Log &operator=(const Log &) = delete;

    /* Log one line, as printf() would format it; at most 127 characters of it. Not for interrupt handlers. */
    [[gnu::format(printf, 2, 3)]] void line(const char *format, ...);

private:
    void send(std::string_view text);

    /* The kernel wants both address and size in multiples of 512. */
    alignas(512) std::array<std::uint8_t, 4096> buffer_{};
};

#include "log.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "mv_syscalls.h"

Log::Log()
{
    /* Without a log there is nobody to complain to, and an application must not depend on being watched. */
    (void)mvServerLoggingInit(buffer_.data(), buffer_.size());
}

void Log::line(const char *format, ...)
{
    std::array<char, 128> text;
    std::va_list arguments;

    va_start(arguments, format);
    const int wanted = std::vsnprintf(text.data(), text.size(), format, arguments);
    va_end(arguments);

    if (wanted > 0) {
        send({text.data(), std::min<std::size_t>(wanted, text.size() - 1)});
    }
}

void Log::send(std::string_view text)
{
    /* The kernel refuses a line when its buffer is full, as it is after a while offline. The line is lost then. */
    (void)mvServerLog(reinterpret_cast<const std::uint8_t *>(text.data()), static_cast<std::uint16_t>(text.size()));
}

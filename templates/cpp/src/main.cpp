/* @name@: objects that exist before main(), and a loop that logs what one of them counts. */

#include <cstdint>

#include "log.hpp"
#include "timer.hpp"

namespace {

constexpr std::uint32_t ticks_per_second = 10;

/* Lives for as long as it is in scope, and says so in the log. */
class Greeter {
public:
    Greeter(Log &log, const char *name) : log_(log), name_(name)
    {
        log_.line("@name@: %s is here", name_);
    }

    ~Greeter()
    {
        log_.line("@name@: %s has gone", name_);
    }

    Greeter(const Greeter &) = delete;
    Greeter &operator=(const Greeter &) = delete;

private:
    Log &log_;
    const char *name_;
};

/* Constructed from top to bottom, before main(). The first line in the log is the proof. */
Log log_;
Greeter global{log_, "the global object"};

} // namespace

int main()
{
    Timer timer{ticks_per_second};

    log_.line("@name@: main has started");
    {
        const Greeter local{log_, "a local object"};
    }
    for (;;) {
        const std::uint32_t tick = timer.wait();

        if (tick % ticks_per_second == 0) {
            log_.line("@name@: second %lu", static_cast<unsigned long>(tick / ticks_per_second));
        }
    }
}

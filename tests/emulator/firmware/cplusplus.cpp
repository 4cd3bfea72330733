/* Exceptions, type information, virtual calls, containers, objects with static life; a line of the log for each. */

#include <stdint.h>
#include <stdio.h>

#include "mv_syscalls.h"

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>
#include <map>
#include <cstdlib>

static uint8_t log_buffer[4096] __attribute__((aligned(512)));
__attribute__((constructor(101))) static void log_start() { (void)mvServerLoggingInit(log_buffer, sizeof log_buffer); }

static int alive;
struct Counted { Counted() { alive++; } Counted(const Counted &) { alive++; } ~Counted() { alive--; } };
struct Shape { virtual ~Shape() = default; virtual double area() const = 0; Counted counted; };
struct Square : Shape { explicit Square(double s) : side(s) {} double area() const override { return side * side; } double side; };
struct Circle : Shape { explicit Circle(double r) : radius(r) {} double area() const override { return 3.0 * radius * radius; }
    double radius; };
struct Both : virtual Square, virtual Circle { Both() : Square(2), Circle(1) {} double area() const override { return 1; } };
struct Failure : std::runtime_error { using std::runtime_error::runtime_error; Counted counted; };
struct Announced { Announced() { printf("constructed\n"); } ~Announced() { printf("destroyed\n"); } };
static Announced announced;

__attribute__((noinline)) static double thrower(int depth, double kept) {
    Counted guard;
    std::vector<int> some(static_cast<unsigned>(depth) + 1, depth);
    if (depth == 0) { throw Failure("deep " + std::to_string(some.size())); }
    return thrower(depth - 1, kept * 1.5) + kept;
}

int main() {
    volatile double factor = 1.5;
    try { thrower(12, factor); }
    catch (const std::exception &failure) { printf("%s %s %d\n", typeid(failure).name(), failure.what(), alive); }
    printf("alive %d\n", alive);
    try { try { thrower(3, factor); } catch (...) { Counted c; throw; } }
    catch (Failure &failure) { printf("again %s\n", failure.what()); }
    try { throw 42; } catch (const char *) { printf("no\n"); } catch (int number) { printf("int %d\n", number); }
    try { std::vector<int>().at(3); } catch (const std::out_of_range &) { printf("out of range\n"); }
    {
        std::vector<std::unique_ptr<Shape>> shapes;
        shapes.push_back(std::make_unique<Square>(3)); shapes.push_back(std::make_unique<Circle>(2));
        shapes.push_back(std::unique_ptr<Shape>(static_cast<Square *>(new Both)));
        double area = 0; int squares = 0;
        for (const auto &shape : shapes) {
            area += shape->area();
            squares += dynamic_cast<Square *>(shape.get()) != nullptr;
        }
        Shape *shape = shapes[0].get();
        printf("area %.1f squares %d circle %d alive %d\n", area, squares, dynamic_cast<Circle *>(shape) != nullptr, alive);
    }
    std::map<std::string, int> words; for (const char *w : {"b", "a", "b", "c", "b"}) { words[w]++; }
    for (const auto &[word, count] : words) { printf("%s%d\n", word.c_str(), count); }
    printf("alive %d\n", alive);
    std::exit(0);
}

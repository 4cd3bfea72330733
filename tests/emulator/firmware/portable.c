/* What compilers make the most different code of, in C that means the same everywhere: what it prints on the device and
 * on the host is compared line by line. */

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t state;

static uint32_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
}

/* Not every library prints 64 bits. */
static const char *decimal(int64_t value)
{
    static char text[21];
    char *digit = text + sizeof text - 1;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do { *--digit = (char)('0' + rest % 10); } while ((rest /= 10) != 0);
    if (value < 0) { *--digit = '-'; }
    return digit;
}

static uint32_t mix(uint32_t sum, uint32_t value) { return (sum ^ value) * 16777619u; }

/* -- functions by pointer ------------------------------------------------------------------------------------------- */

struct entry {
    uint64_t key;
    double weight;
    int16_t order;
    char name[9];
};

static int by_key(const void *a, const void *b)
{
    const uint64_t left = ((const struct entry *)a)->key, right = ((const struct entry *)b)->key;
    return (left > right) - (left < right);
}

static int by_weight(const void *a, const void *b)
{
    const double left = ((const struct entry *)a)->weight, right = ((const struct entry *)b)->weight;
    return (left > right) - (left < right);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void sorting(void)
{
    static int (*const orders[])(const void *, const void *) = {by_key, by_weight, by_name};
    static struct entry entries[97];
    for (int i = 0; i < 97; i++) {
        entries[i] = (struct entry){.key = (uint64_t)next_random() << 32 | (uint32_t)i, .order = (int16_t)i};
        entries[i].weight = (double)(int32_t)next_random() / 7.0 + i * 1e-9;
        snprintf(entries[i].name, sizeof entries[i].name, "%08" PRIx32, next_random());
    }
    for (unsigned by = 0; by < 3; by++) {
        uint32_t sum = 0, found = 0;
        qsort(entries, 97, sizeof entries[0], orders[by]);
        for (int i = 0; i < 97; i++) {
            const struct entry wanted = entries[i];
            const struct entry *const at = bsearch(&wanted, entries, 97, sizeof entries[0], orders[by]);
            found += at != NULL && at->order == wanted.order;
            sum = mix(sum, (uint32_t)entries[i].order);
        }
        printf("sorted by %u: %08" PRIx32 ", %" PRIu32 " found\n", by, sum, found);
    }
}

static jmp_buf enough;
static volatile int comparisons;

static int impatient(const void *a, const void *b)
{
    if (++comparisons == 50) { longjmp(enough, comparisons); }
    return by_key(a, b);
}

static void leaving_a_library_function(void)
{
    static struct entry entries[60];
    for (int i = 0; i < 60; i++) { entries[i].key = next_random(); }
    const int code = setjmp(enough);
    if (code == 0) { qsort(entries, 60, sizeof entries[0], impatient); }
    printf("left with %d\n", code);
}

/* -- an expression, by recursion and a table of operators ------------------------------------------------------------ */

typedef int64_t (*operation)(int64_t, int64_t);
static int64_t add(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
static int64_t subtract(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }
static int64_t multiply(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }
static int64_t divide(int64_t a, int64_t b) { return b == 0 || b == -1 ? a : a / b; }
static int64_t modulo(int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }
static const struct {
    char sign;
    int strength;
    operation apply;
} operators[] = {{'+', 1, add}, {'-', 1, subtract}, {'*', 2, multiply}, {'/', 2, divide}, {'%', 2, modulo}};

static const char *at;

static int64_t expression(int strength)
{
    int64_t value;
    if (*at == '(') {
        at++;
        value = expression(1);
        at++;
    } else if (*at == '-') {
        at++;
        value = -expression(3);
    } else {
        char *end;
        value = strtoll(at, &end, 10);
        at = end;
    }
    for (;;) {
        unsigned i = 0;
        while (i < 5 && operators[i].sign != *at) { i++; }
        if (i == 5 || operators[i].strength < strength) { return value; }
        at++;
        value = operators[i].apply(value, expression(operators[i].strength + 1));
    }
}

static void expressions(void)
{
    static const char *const texts[] = {
        "1+2*3-4", "(1+2)*(3-4)*-5", "9223372036854775807/3%1000000007*12345678901", "-(-(-7))*8%5+100/7/2",
        "((((2*3)*5)*7)*11)*13*17*19*23*29*31*37*41*43", "1000000000000/-7+1000000000000%-7",
    };
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        at = texts[i];
        printf("%s = %s\n", texts[i], decimal(expression(1)));
    }
}

/* -- calling conventions ---------------------------------------------------------------------------------------------- */

struct small { uint8_t a, b, c; };
struct four { float x, y, z, w; };
struct mixed { int8_t tag; double value; uint16_t rest[3]; };
struct large { uint64_t words[9]; };

__attribute__((noinline)) static struct small turned(struct small s, int by)
{
    return (struct small){(uint8_t)(s.b + by), (uint8_t)(s.c ^ by), (uint8_t)(s.a - by)};
}
__attribute__((noinline)) static struct four scaled(struct four f, float by, struct four and)
{
    return (struct four){f.x * by + and.w, f.y * by + and.z, f.z * by + and.y, f.w * by + and.x};
}
__attribute__((noinline)) static struct mixed blended(int a, struct mixed m, double d, struct mixed n, float f, int64_t w)
{
    return (struct mixed){(int8_t)(m.tag + n.tag + a), m.value * d + n.value + (double)f + (double)w,
                          {(uint16_t)(m.rest[0] + n.rest[2]), m.rest[1], n.rest[0]}};
}
__attribute__((noinline)) static struct large shifted(struct large l, unsigned by)
{
    struct large out;
    for (unsigned i = 0; i < 9; i++) { out.words[i] = l.words[(i + by) % 9] >> by | l.words[i] << (63 - by); }
    return out;
}
__attribute__((noinline)) static double various(const char *kinds, ...)
{
    double sum = 0;
    va_list list, again;
    va_start(list, kinds);
    va_copy(again, list);
    for (const char *kind = kinds; *kind; kind++) {
        switch (*kind) {
        case 'i': sum += va_arg(list, int); break;
        case 'w': sum += (double)va_arg(list, int64_t); break;
        case 'd': sum += va_arg(list, double); break;
        case 's': sum += (double)strlen(va_arg(list, const char *)); break;
        case 'b': sum += (double)va_arg(list, struct large).words[4]; break;
        default: break;
        }
    }
    if (*kinds == 'i') { sum -= 2 * va_arg(again, int); }
    va_end(again);
    va_end(list);
    return sum;
}

static void calls(void)
{
    struct small s = {1, 2, 3};
    struct four f = {1.5f, -2.25f, 3.125f, 0.1f};
    struct mixed m = {3, 0.1, {1, 65535, 7}};
    struct large l = {{1, 2, 3, 4, 5, 6, 7, 8, 0x8000000000000001u}};
    for (int i = 0; i < 20; i++) {
        s = turned(s, i);
        f = scaled(f, 0.75f, f);
        m = blended(i, m, 0.5, m, f.x, (int64_t)i << 33);
        l = shifted(l, (unsigned)i % 9);
    }
    uint32_t sum = 0;
    for (unsigned i = 0; i < 9; i++) { sum = mix(mix(sum, (uint32_t)l.words[i]), (uint32_t)(l.words[i] >> 32)); }
    printf("%u %u %u; %.9g %.9g %.9g %.9g\n", s.a, s.b, s.c, (double)f.x, (double)f.y, (double)f.z, (double)f.w);
    printf("%d %.17g %u %u %u; %08" PRIx32 "\n", m.tag, m.value, m.rest[0], m.rest[1], m.rest[2], sum);
    printf("%.17g\n", various("iwdsbid", 3, (int64_t)1 << 40, 0.1, "words", l, -9, 1e-3));
}

/* -- the layout of memory ---------------------------------------------------------------------------------------------- */

struct fields {
    unsigned a : 3;
    int b : 5;
    unsigned c : 11;
    int d : 13;
    uint64_t e : 37;
    int64_t f : 27;
};
struct __attribute__((packed)) tight {
    uint8_t before;
    uint16_t half;
    uint64_t wide;
    float single;
    double twice;
    int32_t word;
};

static void layouts(void)
{
    struct fields fields = {0};
    static struct tight tight[5];
    uint32_t sum = 0;
    for (int i = 0; i < 500; i++) {
        const uint32_t r = next_random();
        fields.a += r;
        fields.b = (int)(r >> 3 & 15) - 8;
        fields.c ^= r >> 8 & 0x7FF;
        fields.d = (int)(r >> 5 & 0xFFF) - fields.b;
        fields.e += (uint64_t)r << 5;
        fields.f = (int64_t)(r & 0x3FFFFFF) - (1 << 25);
        struct tight *const t = &tight[i % 5];
        t->half = (uint16_t)(t->half + r);
        t->wide += (uint64_t)r * r;
        t->single = (float)(int32_t)r;
        t->twice += (double)t->single;
        t->word ^= (int32_t)(t->half * 3 + fields.b);
        memmove((uint8_t *)tight + i % 7, (uint8_t *)tight + (r & 3), 40);
        sum = mix(sum, fields.a + (uint32_t)fields.b + fields.c + (uint32_t)fields.d + (uint32_t)(fields.e >> 6));
        for (unsigned k = 0; k < sizeof tight; k++) { sum = mix(sum, ((const uint8_t *)tight)[k]); }
    }
    printf("layouts %08" PRIx32 " %s\n", sum, decimal(fields.f));
}

/* -- the heap ----------------------------------------------------------------------------------------------------------- */

static void heap(void)
{
    static struct { uint8_t *bytes; size_t size; uint8_t fill; } held[24];
    uint32_t wrong = 0, sum = 0;
    for (int i = 0; i < 3000; i++) {
        const uint32_t r = next_random(), which = r % 24;
        for (size_t k = 0; k < held[which].size; k++) { wrong += held[which].bytes[k] != held[which].fill; }
        const size_t size = (r >> 8) % 300;
        uint8_t *const bytes = r & 1u << 30 ? realloc(held[which].bytes, size + 1) : NULL;
        if (bytes == NULL) { free(held[which].bytes); }
        held[which].bytes = bytes != NULL ? bytes : malloc(size + 1);
        held[which].size = size;
        held[which].fill = (uint8_t)(r >> 20);
        memset(held[which].bytes, held[which].fill, size);
        sum = mix(sum, (uint32_t)size);
    }
    for (unsigned i = 0; i < 24; i++) { free(held[i].bytes); }
    printf("heap %08" PRIx32 ", %" PRIu32 " wrong\n", sum, wrong);
}

/* -- numbers -------------------------------------------------------------------------------------------------------------- */

static void numbers(void)
{
    static const char *const texts[] = {"3.14159265358979", "-0x1.8p-3", "1e-310", "123456789e300", "  .5e1x", "nan", "-inf", "0.1"};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *end;
        const double value = strtod(texts[i], &end);
        printf("%.17g %d\n", value, (int)(end - texts[i]));
    }
    uint64_t quotients = 0;
    double sum = 0;
    float single = 1;
    for (int i = 0; i < 2000; i++) {
        const uint64_t a = (uint64_t)next_random() << 32 | next_random(), b = next_random() >> (i % 31) | 1;
        const int64_t c = (int64_t)a >> (i % 40), d = (int64_t)(b | 1) - 77;
        quotients = quotients * 31 + a / b + a % b;
        if (d != 0 && d != -1) { quotients += (uint64_t)(c / d) ^ (uint64_t)(c % d); }
        sum = sum * 0.5 + (double)c / (double)b - (double)(float)(c % 1000003);
        single = single * 0.96875f + (float)(int32_t)b / 3.0f;
    }
    printf("%s %.17g %.9g\n", decimal((int64_t)quotients), sum, (double)single);
}

/* -- branches --------------------------------------------------------------------------------------------------------------- */

static void machine(void)
{
    uint32_t counts[16] = {0}, where = 0, sum = 0;
    for (int i = 0; i < 20000; i++) {
        const uint32_t r = next_random();
        counts[where]++;
        switch (where) {
        case 0: where = r & 1 ? 3 : 7; break;
        case 1: where = r % 3 == 0 ? 15 : 2; break;
        case 2: sum ^= r; where = 9; break;
        case 3: sum += r >> 5; where = (r & 6) == 6 ? 1 : 12; break;
        case 4: where = sum & 1 ? 0 : 5; break;
        case 5: sum = sum << 1 | sum >> 31; where = r >> 28; break;
        case 6: where = (int32_t)r < 0 ? 4 : 6; break;
        case 7: where = 8; sum -= 77; break;
        case 8: where = r & 3 ? 10 : 8; break;
        case 9: where = 11; break;
        case 10: where = (uint8_t)r > 200 ? 14 : 13; break;
        case 11: where = (int16_t)r > 0 ? 6 : 0; break;
        case 12: where = 4; sum = ~sum; break;
        case 13: where = r & 8 ? 1 : 0; break;
        case 14: where = 5; break;
        default: where = sum % 15; break;
        }
    }
    for (unsigned i = 0; i < 16; i++) { sum = mix(sum, counts[i]); }
    printf("machine %08" PRIx32 "\n", sum);
}

int main(void)
{
    state = 2463534242u;
    sorting();
    leaving_a_library_function();
    expressions();
    calls();
    layouts();
    heap();
    numbers();
    machine();
    return 0;
}

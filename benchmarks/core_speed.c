/* Work for a processor: WORK(n) does one kind of thing n times. Runs on any M-profile machine with code at 0x10000000 and
   data at 0x38000000, and ends by asking a semihosting host to exit. */

#include <stddef.h>
#include <stdint.h>

extern uint32_t stack_top;
int main(void);
static volatile uint32_t result;

static void start(void) {
    *(volatile uint32_t *)0xE000ED88 = 0xF00000; /* CPACR: the floating-point unit is off after reset */
    __asm volatile("dsb\n isb" ::: "memory");
    main();
    __asm volatile("movs r0, #0x18\n ldr r1, =0x20026\n bkpt 0xAB");
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static void *const vectors[] = {&stack_top, (void *)start};

/* The compiler makes calls of these out of loops and assignments, so they are here, and are work themselves. */
void *memcpy(void *restrict to, const void *restrict from, size_t length) {
    char *out = to;
    for (const char *in = from; length; length--) *out++ = *in++;
    return to;
}

void *memset(void *to, int value, size_t length) {
    for (char *out = to; length; length--) *out++ = (char)value;
    return to;
}

static uint32_t random_state = 1;

static uint32_t next_random(void) { return random_state = random_state * 1664525u + 1013904223u; }

__attribute__((unused)) static void crc(uint32_t n) {
    uint32_t value = ~0u;
    while (n--) {
        for (uint32_t byte = 0; byte < 64; byte++) {
            value ^= byte;
            for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0);
        }
    }
    result = value;
}

__attribute__((unused)) static void sort(uint32_t n) {
    static uint32_t items[64];
    while (n--) {
        for (int i = 0; i < 64; i++) items[i] = next_random();
        for (int i = 1; i < 64; i++) {
            uint32_t item = items[i];
            int j = i;
            for (; j > 0 && items[j - 1] > item; j--) items[j] = items[j - 1];
            items[j] = item;
        }
    }
    result = items[0];
}

__attribute__((unused)) static void matmul(uint32_t n) {
    static int32_t a[12][12], b[12][12], c[12][12];
    while (n--) {
        for (int i = 0; i < 12; i++) {
            for (int j = 0; j < 12; j++) {
                int32_t sum = 0;
                for (int k = 0; k < 12; k++) sum += a[i][k] * b[k][j];
                c[i][j] = sum;
            }
        }
        a[n % 12][n / 12 % 12] += c[1][2] + 1;
        b[n / 12 % 12][n % 12] ^= c[2][1] + 3;
    }
    result = (uint32_t)c[3][3];
}

__attribute__((unused)) static void strings(uint32_t n) {
    static char text[128], copy[128];
    while (n--) {
        uint32_t value = next_random();
        int length = 0;
        for (int words = 0; words < 8; words++) {
            for (uint32_t left = value; left; left /= 10) text[length++] = (char)('0' + left % 10);
            text[length++] = ' ';
        }
        text[length] = 0;
        memset(copy, 0, sizeof copy);
        memcpy(copy, text, (size_t)length + 1);
        int same = 0;
        for (const char *p = text, *q = copy; *p && *p == *q; p++, q++) same++;
        result += (uint32_t)same;
    }
}

__attribute__((unused)) static void machine(uint32_t n) {
    enum { IDLE, NUMBER, WORD, SPACE, QUOTE, ERROR } state = IDLE;
    uint32_t counts[6] = {0};
    while (n--) {
        uint32_t c = next_random() >> 25;
        switch (state) {
        case IDLE: state = c < 10 ? NUMBER : c < 80 ? WORD : c < 100 ? SPACE : QUOTE; break;
        case NUMBER: state = c < 40 ? NUMBER : c < 60 ? SPACE : c < 120 ? IDLE : ERROR; break;
        case WORD: state = c < 90 ? WORD : c < 110 ? SPACE : IDLE; break;
        case SPACE: state = c & 1 ? IDLE : SPACE; break;
        case QUOTE: state = c > 100 ? IDLE : QUOTE; break;
        case ERROR: state = IDLE; break;
        }
        counts[state]++;
    }
    result = counts[0] + counts[3];
}

static uint32_t fibonacci(uint32_t n);
static uint32_t (*volatile again)(uint32_t) = fibonacci;

static uint32_t fibonacci(uint32_t n) { return n < 2 ? n : again(n - 1) + again(n - 2); }

__attribute__((unused)) static void calls(uint32_t n) {
    while (n--) result += fibonacci(10);
}

/* A biquad section over a finite impulse response, in single precision. */
__attribute__((unused)) static void filter(uint32_t n) {
    static const float taps[16] = {0.01f, 0.02f, 0.04f, 0.06f, 0.08f, 0.1f, 0.12f, 0.13f,
                                   0.13f, 0.12f, 0.1f, 0.08f, 0.06f, 0.04f, 0.02f, 0.01f};
    static float line[16];
    float first = 0, second = 0, last = 0;
    while (n--) {
        line[n % 16] = (float)(int32_t)(next_random() >> 8) * 0.0001f;
        float sum = 0;
        for (int i = 0; i < 16; i++) sum += line[i] * taps[i];
        float out = 0.2f * sum + first;
        first = 0.4f * sum + 0.3f * out + second;
        second = 0.2f * sum - 0.1f * out;
        if (out > last) last = out;
    }
    result = (uint32_t)(int32_t)last;
}

/* Nothing but registers and arithmetic. */
__attribute__((unused)) static void alu(uint32_t n) {
    uint32_t a = n, b = n ^ 0x9E3779B9u, c = 1;
    while (n--) {
        a += b << 3;
        b ^= a >> 5;
        c = c * 3 + (a & 0xFF);
        a -= c;
        b += a ^ c;
    }
    result = a ^ b ^ c;
}

int main(void) {
    WORK(N);
    return 0;
}

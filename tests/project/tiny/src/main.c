extern int other(void);

const char built[] = "built " __DATE__ " " __TIME__ " flavour " FLAVOUR " kind " KIND " file " __FILE__;
const char flash_fill[FLASH_FILL] = { 1 };
char ram_fill[RAM_FILL];
int initialised = 7;

int main(void)
{
    return other() + ram_fill[1] + initialised;
}

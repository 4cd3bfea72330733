/* The Python type `Machine`: the seam's verbs on one core. Limited API of Python 3.11, so one binary serves all later ones.
 *
 * The interpreter lock is given up while the guest runs and taken back for a device's answer. While it runs only a device
 * (that is, the thread the run belongs to) may look at or touch the core; `halt` alone may come from anywhere.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "core.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    PyObject *read, *write; /* the device's bound methods */
    struct machine *machine;
} device;

typedef struct machine {
    PyObject_HEAD
    mv_core *core;
    PyThreadState *thread; /* of the run, while it has given up the lock */
    int running;
    int halt_wanted; /* set and read under the interpreter lock */
    PyObject *bus_fault; /* the exception class that means a bus error */
} machine;

/* -- guards and numbers -------------------------------------------------------------------------------------------------- */

/* Whatever runs Python code, the caller's or a finaliser's, can let another thread in: these are asked after the last such
 * call, right before the core is touched. */
static bool may_touch(machine *self) {
    if (self->thread == NULL) return true;
    PyErr_SetString(PyExc_RuntimeError, "the core is running in another thread; only halt() may be called");
    return false;
}

static bool may_rearrange(machine *self) {
    if (self->running == 0) return true;
    PyErr_SetString(PyExc_RuntimeError, "not from inside run()");
    return false;
}

static bool get_word(PyObject *object, uint32_t *value) {
    const unsigned long long number = PyLong_AsUnsignedLongLong(object);
    if (number == (unsigned long long)-1 && PyErr_Occurred()) return false;
    if (number > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "not a 32-bit number");
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

static bool has_arguments(Py_ssize_t given, Py_ssize_t wanted) {
    if (given == wanted) return true;
    PyErr_Format(PyExc_TypeError, "takes %zd arguments, not %zd", wanted, given);
    return false;
}

/* -- devices ------------------------------------------------------------------------------------------------------------- */

static void enter_python(machine *self) {
    PyEval_RestoreThread(self->thread);
    self->thread = NULL;
}

static void leave_python(machine *self) { self->thread = PyEval_SaveThread(); }

/* A result of NULL is a bus error if the device raised BusFault; any other exception ends the run with it. */
static mv_answer answer_of(machine *self, PyObject *result) {
    if (result != NULL) return ANSWER_OK;
    if (!PyErr_ExceptionMatches(self->bus_fault)) return ANSWER_ABORT;
    PyErr_Clear();
    return ANSWER_BUS_ERROR;
}

static PyObject *call_device(PyObject *method, uint32_t offset, uint32_t size, const uint32_t *value) {
    PyObject *const first = PyLong_FromUnsignedLong(offset), *const second = PyLong_FromUnsignedLong(size);
    PyObject *const third = value == NULL ? NULL : PyLong_FromUnsignedLong(*value);
    PyObject *result = NULL;
    if (first != NULL && second != NULL && (value == NULL || third != NULL))
        result = PyObject_CallFunctionObjArgs(method, first, second, third, NULL);
    Py_XDECREF(first);
    Py_XDECREF(second);
    Py_XDECREF(third);
    return result;
}

static mv_answer device_read(void *owner, uint32_t offset, uint32_t size, uint32_t *value) {
    const device *const d = owner;
    machine *const self = d->machine;
    const bool outside = self->thread != NULL;
    if (outside) enter_python(self);
    PyObject *const result = call_device(d->read, offset, size, NULL);
    mv_answer answer = answer_of(self, result);
    if (answer == ANSWER_OK) {
        *value = (uint32_t)(PyLong_AsUnsignedLongMask(result) & (size == 4 ? 0xFFFFFFFFul : (1ul << (8 * size)) - 1));
        if (PyErr_Occurred()) answer = ANSWER_ABORT;
        Py_DECREF(result);
    }
    if (outside) leave_python(self);
    return answer;
}

static mv_answer device_write(void *owner, uint32_t offset, uint32_t size, uint32_t value) {
    const device *const d = owner;
    machine *const self = d->machine;
    const bool outside = self->thread != NULL;
    if (outside) enter_python(self);
    PyObject *const result = call_device(d->write, offset, size, &value);
    const mv_answer answer = answer_of(self, result);
    Py_XDECREF(result);
    if (outside) leave_python(self);
    return answer;
}

/* Signals, and a halt that another thread asked for. */
static bool poll(mv_core *core) {
    machine *const self = core->face;
    enter_python(self);
    if (self->halt_wanted) core->attention |= ATT_HALT;
    const bool goes_on = PyErr_CheckSignals() == 0;
    leave_python(self);
    return goes_on;
}

/* -- making and unmaking ------------------------------------------------------------------------------------------------- */

static PyObject *machine_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"bus_fault", "interrupts", NULL};
    PyObject *bus_fault;
    unsigned int interrupts = EXCEPTIONS - EXC_IRQ0;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|I", names, &bus_fault, &interrupts)) return NULL;
    if (interrupts == 0 || interrupts > EXCEPTIONS - EXC_IRQ0) {
        PyErr_SetString(PyExc_ValueError, "a core has 1 to 480 interrupts");
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    machine *const self = (machine *)(void *)allocate(type, 0);
    if (self == NULL) return NULL;
    self->bus_fault = Py_NewRef(bus_fault);
    self->core = mv_new(interrupts);
    if (self->core == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    self->core->face = self;
    self->core->poll = poll;
    self->core->device_read = device_read;
    self->core->device_write = device_write;
    return (PyObject *)self;
}

static int machine_traverse(PyObject *object, visitproc visit, void *arg) {
    machine *const self = (machine *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->bus_fault);
    for (size_t i = 0; self->core != NULL && i < self->core->ranges; i++) {
        const device *const d = self->core->range[i].owner;
        if (d == NULL) continue;
        Py_VISIT(d->read);
        Py_VISIT(d->write);
    }
    return 0;
}

static int machine_clear(PyObject *object) {
    machine *const self = (machine *)object;
    for (size_t i = 0; self->core != NULL && i < self->core->ranges; i++) {
        device *const d = self->core->range[i].owner;
        if (d == NULL) continue;
        Py_CLEAR(d->read);
        Py_CLEAR(d->write);
    }
    Py_CLEAR(self->bus_fault);
    return 0;
}

static void machine_dealloc(PyObject *object) {
    machine *const self = (machine *)object;
    PyTypeObject *const type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    machine_clear(object);
    if (self->core != NULL) {
        for (size_t i = 0; i < self->core->ranges; i++) free(self->core->range[i].owner);
        mv_free(self->core);
    }
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* -- memory map ---------------------------------------------------------------------------------------------------------- */

static PyObject *map_failed(uint32_t base, uint32_t size) {
    char text[100];
    PyOS_snprintf(text, sizeof text, "cannot map 0x%lX bytes at 0x%08lX: not whole pages of 4096, or not free", (unsigned long)size,
                  (unsigned long)base);
    PyErr_SetString(PyExc_ValueError, text);
    return NULL;
}

static PyObject *map_memory(PyObject *object, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"base", "size", "writable", NULL};
    machine *const self = (machine *)object;
    PyObject *first, *second;
    uint32_t base, size;
    int writable;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OO$p", names, &first, &second, &writable)) return NULL;
    if (!may_rearrange(self) || !get_word(first, &base) || !get_word(second, &size)) return NULL;
    if (!mv_map(self->core, base, size, writable != 0, NULL)) return map_failed(base, size);
    Py_RETURN_NONE;
}

static device *bind_device(machine *self, PyObject *implementation) {
    device *const d = calloc(1, sizeof *d);
    if (d == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    d->machine = self;
    d->read = PyObject_GetAttrString(implementation, "read");
    d->write = d->read == NULL ? NULL : PyObject_GetAttrString(implementation, "write");
    if (d->write != NULL) return d;
    Py_XDECREF(d->read);
    free(d);
    return NULL;
}

static PyObject *map_device(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t base, size;
    if (!has_arguments(count, 3) || !get_word(arguments[0], &base) || !get_word(arguments[1], &size)) return NULL;
    device *const d = bind_device(self, arguments[2]);
    if (d == NULL) return NULL;
    const bool may = may_rearrange(self);
    if (may && mv_map(self->core, base, size, true, d)) Py_RETURN_NONE;
    PyObject *const read = d->read, *const write = d->write;
    free(d);
    if (may) map_failed(base, size);
    Py_DECREF(read);
    Py_DECREF(write);
    return NULL;
}

/* The words of an iterable, to be freed with PyMem_Free; NULL with an exception set. Runs Python code. */
static uint32_t *get_words(PyObject *iterable, size_t *count) {
    PyObject *const list = PySequence_List(iterable);
    if (list == NULL) return NULL;
    *count = (size_t)PyList_Size(list);
    uint32_t *words = PyMem_Malloc(sizeof(uint32_t) * (*count + 1));
    if (words == NULL) PyErr_NoMemory();
    for (size_t i = 0; words != NULL && i < *count; i++)
        if (!get_word(PyList_GetItem(list, (Py_ssize_t)i), &words[i])) {
            PyMem_Free(words);
            words = NULL;
        }
    Py_DECREF(list);
    return words;
}

static PyObject *replace_stops(machine *self, PyObject *addresses, uint32_t kind, bool keep, bool (*allowed)(machine *)) {
    size_t count;
    uint32_t *const words = get_words(addresses, &count);
    if (words == NULL) return NULL;
    const bool may = allowed(self), done = may && mv_set_stops(self->core, words, count, kind, keep);
    PyMem_Free(words);
    if (done) Py_RETURN_NONE;
    return may ? PyErr_NoMemory() : NULL;
}

static PyObject *trap(PyObject *object, PyObject *addresses) {
    return replace_stops((machine *)object, addresses, 1, true, may_rearrange);
}

static PyObject *set_breakpoints(PyObject *object, PyObject *addresses) {
    return replace_stops((machine *)object, addresses, 0, false, may_touch);
}

/* -- running ------------------------------------------------------------------------------------------------------------- */

static PyObject *reset(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    uint32_t table;
    if (!may_rearrange(self) || !get_word(argument, &table)) return NULL;
    if (mv_reset(self->core, table)) Py_RETURN_NONE;
    return PyErr_Format(PyExc_LookupError, "no vector table at address %S: there is no memory", argument);
}

static PyObject *execute(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    const unsigned long long until = PyLong_AsUnsignedLongLong(argument);
    if (until == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
    if (!may_rearrange(self)) return NULL;
    const uint64_t deadline = until < LAST_CYCLE ? until : LAST_CYCLE;
    self->running = 1;
    self->halt_wanted = 0;
    self->core->attention &= ~(uint32_t)(ATT_HALT | ATT_ABORT);
    leave_python(self);
    const mv_stop stop = mv_run(self->core, deadline);
    enter_python(self);
    self->running = 0;
    if (stop == STOP_ABORT) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "a device failed without saying why");
        return NULL;
    }
    return PyLong_FromLong((long)stop);
}

static PyObject *skip_to(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    const unsigned long long cycle = PyLong_AsUnsignedLongLong(argument);
    if (cycle == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
    if (cycle >= LAST_CYCLE) {
        PyErr_SetString(PyExc_OverflowError, "time ends at cycle 2 to the power of 62");
        return NULL;
    }
    if (!may_rearrange(self)) return NULL;
    mv_skip_to(self->core, cycle);
    Py_RETURN_NONE;
}

static PyObject *halt(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (self->running == 0) Py_RETURN_NONE;
    self->halt_wanted = 1;
    if (self->thread == NULL) self->core->attention |= ATT_HALT;
    Py_RETURN_NONE;
}

static PyObject *get_cycle(PyObject *object, void *unused) {
    (void)unused;
    return may_touch((machine *)object) ? PyLong_FromUnsignedLongLong(((machine *)object)->core->s.cycle) : NULL;
}

static PyObject *get_take_hardfault(PyObject *object, void *unused) {
    (void)unused;
    return PyBool_FromLong(((machine *)object)->core->take_hardfault);
}

static int set_take_hardfault(PyObject *object, PyObject *value, void *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "take_hardfault cannot be deleted");
        return -1;
    }
    const int truth = may_touch(self) ? PyObject_IsTrue(value) : -1;
    if (truth < 0) return -1;
    self->core->take_hardfault = truth != 0;
    return 0;
}

static bool get_interrupt(const machine *self, PyObject *object, uint32_t *irq) {
    int overflow;
    const long number = PyLong_AsLongAndOverflow(object, &overflow);
    if (number == -1 && PyErr_Occurred()) return false;
    *irq = (uint32_t)number;
    if (overflow == 0 && number >= 0 && (unsigned long)number < self->core->interrupts) return true;
    PyErr_Format(PyExc_ValueError, "the core has no interrupt %S", object);
    return false;
}

static PyObject *pend(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    uint32_t irq;
    if (!get_interrupt(self, argument, &irq) || !may_touch(self)) return NULL;
    mv_pend(self->core, EXC_IRQ0 + irq);
    Py_RETURN_NONE;
}

typedef void (*interrupt_switch)(mv_core *core, uint32_t irq, bool on);

static PyObject *switch_interrupt(PyObject *object, PyObject *const *arguments, Py_ssize_t count, interrupt_switch change) {
    machine *const self = (machine *)object;
    uint32_t irq;
    if (!has_arguments(count, 2) || !get_interrupt(self, arguments[0], &irq)) return NULL;
    const int on = PyObject_IsTrue(arguments[1]);
    if (on < 0 || !may_touch(self)) return NULL;
    change(self->core, irq, on != 0);
    Py_RETURN_NONE;
}

static PyObject *set_line(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    return switch_interrupt(object, arguments, count, mv_set_line);
}

static PyObject *set_enabled(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    return switch_interrupt(object, arguments, count, mv_set_enabled);
}

/* As if the guest had executed WFI where it stands. */
static PyObject *sleep_now(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (!may_rearrange(self)) return NULL;
    self->core->s.sleeping = 1;
    Py_RETURN_NONE;
}

static PyObject *interrupt_state(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    uint32_t irq;
    if (!get_interrupt(self, argument, &irq) || !may_touch(self)) return NULL;
    const mv_state *const s = &self->core->s;
    const uint32_t number = EXC_IRQ0 + irq;
    return Py_BuildValue("(OOO)", mv_has(s->enabled, number) ? Py_True : Py_False, mv_has(s->pending, number) ? Py_True : Py_False,
                         mv_has(s->active, number) ? Py_True : Py_False);
}

/* The cycle at which SysTick ends a sleep, or None. */
static PyObject *get_wake_cycle(PyObject *object, void *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (!may_touch(self)) return NULL;
    const uint64_t cycle = mv_wake_cycle(self->core);
    if (cycle == UINT64_MAX) Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(cycle);
}

static PyObject *get_vector_table(PyObject *object, void *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (!may_touch(self)) return NULL;
    return PyLong_FromUnsignedLong(self->core->s.vtor);
}

/* -- registers ----------------------------------------------------------------------------------------------------------- */

static PyObject *gateway_call(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    const mv_state *const s = &self->core->s;
    (void)unused;
    if (!may_touch(self)) return NULL;
    return Py_BuildValue("(kkkkk)", (unsigned long)s->pc, (unsigned long)s->r[0], (unsigned long)s->r[1], (unsigned long)s->r[2],
                         (unsigned long)s->r[3]);
}

static PyObject *gateway_return(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    mv_state *const s = &self->core->s;
    const uint32_t value = (uint32_t)(PyLong_AsUnsignedLongMask(argument) & 0xFFFFFFFFul);
    if (PyErr_Occurred() || !may_rearrange(self)) return NULL;
    s->r[0] = value;
    /* The return can end an exception, and its frame can lie in a device: that is a run, if a short one. */
    self->running = 1;
    self->core->attention &= ~(uint32_t)ATT_ABORT;
    mv_return_to(self->core, s->r[R_LR]);
    self->running = 0;
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyObject *registers(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    mv_core *const core = self->core;
    const mv_state *const s = &core->s;
    (void)unused;
    if (!may_touch(self)) return NULL;
    PyObject *const general = PyTuple_New(16);
    if (general == NULL) return NULL;
    for (uint32_t i = 0; i < 16; i++) {
        PyObject *const value = PyLong_FromUnsignedLong(i == R_PC ? s->pc : s->r[i]);
        if (value == NULL || PyTuple_SetItem(general, (Py_ssize_t)i, value) < 0) {
            Py_DECREF(general);
            return NULL;
        }
    }
    return Py_BuildValue("(Nkkkkkkkkk)", general, (unsigned long)mv_xpsr(core), (unsigned long)*mv_stack_pointer(core, false),
                         (unsigned long)*mv_stack_pointer(core, true), (unsigned long)s->sp_limit[0], (unsigned long)s->sp_limit[1],
                         (unsigned long)s->primask, (unsigned long)s->basepri, (unsigned long)s->faultmask, (unsigned long)s->control);
}

static void jump_to(mv_state *s, uint32_t address) {
    s->pc = address & ~1u;
    s->thumb = 1;
    s->it = 0;
}

static bool write_general(mv_core *core, uint32_t number, uint32_t value) {
    if (number > R_PC) return false;
    if (number == R_PC)
        jump_to(&core->s, value);
    else
        core->s.r[number] = number == R_SP ? value & ~3u : value;
    return true;
}

static bool write_named(mv_core *core, const char *name, uint32_t value) {
    mv_state *const s = &core->s;
    if (strcmp(name, "xpsr") == 0) mv_set_xpsr(core, value, ~0u);
    else if (strcmp(name, "msp") == 0) *mv_stack_pointer(core, false) = value & ~3u;
    else if (strcmp(name, "psp") == 0) *mv_stack_pointer(core, true) = value & ~3u;
    else if (strcmp(name, "msplim") == 0) s->sp_limit[0] = value & ~7u;
    else if (strcmp(name, "psplim") == 0) s->sp_limit[1] = value & ~7u;
    else if (strcmp(name, "primask") == 0) s->primask = value & 1;
    else if (strcmp(name, "basepri") == 0) s->basepri = value & 0xF0;
    else if (strcmp(name, "faultmask") == 0) s->faultmask = value & 1;
    else if (strcmp(name, "control") == 0) mv_set_control(core, value);
    else if (strcmp(name, "cpacr") == 0) mv_private_write(core, 0xE000ED88u, 4, true, value);
    else return false;
    core->attention |= ATT_EXCEPTION;
    return true;
}

static bool write_by_name(mv_core *core, const char *name, uint32_t value) {
    char *end;
    if (name[0] != 'r' || name[1] < '0' || name[1] > '9') return write_named(core, name, value);
    const unsigned long number = strtoul(name + 1, &end, 10);
    return *end == 0 && number <= R_PC && write_general(core, (uint32_t)number, value);
}

static PyObject *write_register(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t value;
    if (!has_arguments(count, 2)) return NULL;
    const char *const name = PyUnicode_AsUTF8AndSize(arguments[0], NULL);
    if (name == NULL || !get_word(arguments[1], &value) || !may_rearrange(self)) return NULL;
    if (!write_by_name(self->core, name, value)) return PyErr_Format(PyExc_ValueError, "no register is called %R", arguments[0]);
    Py_RETURN_NONE;
}

static PyObject *floating_point(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (!may_touch(self)) return NULL;
    PyObject *const values = PyTuple_New(33);
    for (uint32_t i = 0; values != NULL && i < 33; i++) {
        PyObject *const value = PyLong_FromUnsignedLong(i == 32 ? self->core->s.fpscr : self->core->s.s[i]);
        if (value == NULL || PyTuple_SetItem(values, (Py_ssize_t)i, value) < 0) {
            Py_DECREF(values);
            return NULL;
        }
    }
    return values;
}

static PyObject *write_floating_point(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t number, value;
    if (!has_arguments(count, 2) || !get_word(arguments[0], &number) || !get_word(arguments[1], &value)) return NULL;
    if (number > 32) return PyErr_Format(PyExc_ValueError, "no floating-point register %u", (unsigned)number);
    if (!may_rearrange(self)) return NULL;
    if (number == 32)
        self->core->s.fpscr = value & FPSCR_WRITABLE;
    else
        self->core->s.s[number] = value;
    Py_RETURN_NONE;
}

static PyObject *fault_status(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    const mv_state *const s = &self->core->s;
    (void)unused;
    if (!may_touch(self)) return NULL;
    return Py_BuildValue("(kkkk)", (unsigned long)s->cfsr, (unsigned long)s->hfsr, (unsigned long)s->mmfar, (unsigned long)s->bfar);
}

/* -- memory -------------------------------------------------------------------------------------------------------------- */

static PyObject *no_memory_at(PyObject *address, Py_ssize_t size) {
    PyErr_Format(PyExc_LookupError, "no memory for %zd bytes at address %S", size, address);
    return NULL;
}

static bool get_address(PyObject *object, uint32_t *address) {
    if (get_word(object, address)) return true;
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear();
        no_memory_at(object, 0);
    }
    return false;
}

static PyObject *read_memory(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t address;
    if (!has_arguments(count, 2) || !may_touch(self) || !get_address(arguments[0], &address)) return NULL;
    const Py_ssize_t size = PyLong_AsSsize_t(arguments[1]);
    if (size == -1 && PyErr_Occurred()) return NULL;
    if (size < 0 || (unsigned long long)size > 1ull << 32) return no_memory_at(arguments[0], size);
    if (!mv_debug_copy(self->core, address, NULL, (size_t)size, false)) return no_memory_at(arguments[0], size);
    PyObject *const bytes = PyBytes_FromStringAndSize(NULL, size);
    if (bytes != NULL) mv_debug_copy(self->core, address, (uint8_t *)PyBytes_AsString(bytes), (size_t)size, false);
    return bytes;
}

static PyObject *write_memory(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t address;
    Py_buffer data;
    if (!has_arguments(count, 2) || !get_address(arguments[0], &address)) return NULL;
    if (PyObject_GetBuffer(arguments[1], &data, PyBUF_SIMPLE) < 0) return NULL;
    const size_t size = (size_t)data.len;
    const bool may = may_touch(self);
    bool there = may && mv_debug_copy(self->core, address, NULL, size, false);
    if (there) there = mv_debug_copy(self->core, address, data.buf, size, true);
    if (may && !there) no_memory_at(arguments[0], (Py_ssize_t)size);
    PyBuffer_Release(&data);
    if (!there) return NULL;
    Py_RETURN_NONE;
}

static PyObject *snapshot(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (!may_rearrange(self)) return NULL;
    const size_t size = mv_snapshot(self->core, NULL);
    PyObject *const bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (bytes != NULL) mv_snapshot(self->core, (uint8_t *)PyBytes_AsString(bytes));
    return bytes;
}

static PyObject *restore(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    Py_buffer data;
    if (PyObject_GetBuffer(argument, &data, PyBUF_SIMPLE) < 0) return NULL;
    const bool may = may_rearrange(self), done = may && mv_restore(self->core, data.buf, (size_t)data.len);
    if (may && !done) PyErr_SetString(PyExc_ValueError, "not a snapshot of a core with this memory map");
    PyBuffer_Release(&data);
    if (!done) return NULL;
    Py_RETURN_NONE;
}

/* -- the module ---------------------------------------------------------------------------------------------------------- */

#define FAST(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL
static PyMethodDef methods[] = {
    {"map_memory", (PyCFunction)(void (*)(void))map_memory, METH_VARARGS | METH_KEYWORDS, NULL},
    {"map_device", FAST(map_device), NULL},
    {"trap", trap, METH_O, NULL},
    {"set_breakpoints", set_breakpoints, METH_O, NULL},
    {"reset", reset, METH_O, NULL},
    {"execute", execute, METH_O, NULL},
    {"skip_to", skip_to, METH_O, NULL},
    {"halt", halt, METH_NOARGS, NULL},
    {"pend", pend, METH_O, NULL},
    {"set_line", FAST(set_line), NULL},
    {"set_enabled", FAST(set_enabled), NULL},
    {"sleep", sleep_now, METH_NOARGS, NULL},
    {"interrupt_state", interrupt_state, METH_O, NULL},
    {"gateway_call", gateway_call, METH_NOARGS, NULL},
    {"gateway_return", gateway_return, METH_O, NULL},
    {"register_values", registers, METH_NOARGS, NULL},
    {"write_register", FAST(write_register), NULL},
    {"floating_point", floating_point, METH_NOARGS, NULL},
    {"write_floating_point", FAST(write_floating_point), NULL},
    {"fault_status", fault_status, METH_NOARGS, NULL},
    {"read_memory", FAST(read_memory), NULL},
    {"write_memory", FAST(write_memory), NULL},
    {"snapshot", snapshot, METH_NOARGS, NULL},
    {"restore", restore, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"cycle", get_cycle, NULL, NULL, NULL},
    {"wake_cycle", get_wake_cycle, NULL, NULL, NULL},
    {"vector_table", get_vector_table, NULL, NULL, NULL},
    {"take_hardfault", get_take_hardfault, set_take_hardfault, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)machine_new},
    {Py_tp_dealloc, (void *)machine_dealloc},
    {Py_tp_traverse, (void *)machine_traverse},
    {Py_tp_clear, (void *)machine_clear},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec machine_spec = {
    .name = "mvsdk.emulator.core._native.Machine",
    .basicsize = sizeof(machine),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static int execute_module(PyObject *module) {
    mv_labels(); /* once, under the lock, before any thread runs a core */
    PyObject *const type = PyType_FromSpec(&machine_spec);
    if (type == NULL) return -1;
    const int failed = PyModule_AddObjectRef(module, "Machine", type);
    Py_DECREF(type);
    return failed;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)execute_module},
    {0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "mvsdk.emulator.core._native",
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__native(void);
PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }

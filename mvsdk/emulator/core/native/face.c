/* The Python type `Machine`: the seam's verbs on one core. Here: making one, running it, its interrupts, the module.
 *
 * The interpreter lock is given up while the guest runs and taken back for a device's answer. While it runs only a device
 * (that is, the thread the run belongs to) may look at or touch the core; `halt` alone may come from anywhere.
 */
#include "face.h"

#include <stdlib.h>
#include <string.h>

/* -- guards and numbers -------------------------------------------------------------------------------------------------- */

bool face_may_touch(machine *self) {
    if (self->thread == NULL) return true;
    PyErr_SetString(PyExc_RuntimeError, "the core is running in another thread; only halt() may be called");
    return false;
}

bool face_may_rearrange(machine *self) {
    if (self->running == 0) return true;
    PyErr_SetString(PyExc_RuntimeError, "not from inside run()");
    return false;
}

bool face_get_word(PyObject *object, uint32_t *value) {
    const unsigned long long number = PyLong_AsUnsignedLongLong(object);
    if (number == (unsigned long long)-1 && PyErr_Occurred()) return false;
    if (number > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "not a 32-bit number");
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

bool face_has_arguments(Py_ssize_t given, Py_ssize_t wanted) {
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

machine *face_new_machine(PyTypeObject *type, PyObject *bus_fault, uint32_t interrupts) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    machine *const self = (machine *)(void *)allocate(type, 0);
    if (self == NULL) return NULL;
    self->bus_fault = Py_NewRef(bus_fault);
    self->core = mv_new(interrupts);
    if (self->core == NULL) {
        Py_DECREF(self);
        PyErr_NoMemory();
        return NULL;
    }
    self->core->face = self;
    self->core->poll = poll;
    self->core->device_read = device_read;
    self->core->device_write = device_write;
    self->itm.machine = self;
    return self;
}

static PyObject *machine_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"bus_fault", "interrupts", NULL};
    PyObject *bus_fault, *number = NULL;
    uint32_t interrupts = EXCEPTIONS - EXC_IRQ0;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|O", names, &bus_fault, &number)) return NULL;
    if (number != NULL && !face_get_word(number, &interrupts)) return NULL;
    if (interrupts == 0 || interrupts > EXCEPTIONS - EXC_IRQ0) {
        PyErr_SetString(PyExc_ValueError, "a core has 1 to 480 interrupts");
        return NULL;
    }
    return (PyObject *)face_new_machine(type, bus_fault, interrupts);
}

static int machine_traverse(PyObject *object, visitproc visit, void *arg) {
    machine *const self = (machine *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->bus_fault);
    Py_VISIT(self->itm.write);
    for (size_t i = 0; self->core != NULL && i < self->core->ranges; i++) {
        const device *const d = self->core->range[i].owner;
        if (d == NULL) continue;
        Py_VISIT(d->implementation);
        Py_VISIT(d->read);
        Py_VISIT(d->write);
    }
    return self->core == NULL ? 0 : face_visit_banks(self, visit, arg);
}

static int machine_clear(PyObject *object) {
    machine *const self = (machine *)object;
    for (size_t i = 0; self->core != NULL && i < self->core->ranges; i++) {
        device *const d = self->core->range[i].owner;
        if (d == NULL) continue;
        Py_CLEAR(d->implementation);
        Py_CLEAR(d->read);
        Py_CLEAR(d->write);
    }
    if (self->core != NULL) face_release_banks(self);
    Py_CLEAR(self->bus_fault);
    if (self->core != NULL) self->core->itm_output = NULL;
    Py_CLEAR(self->itm.write);
    return 0;
}

void face_free_device(device *d) {
    Py_XDECREF(d->implementation);
    Py_XDECREF(d->read);
    Py_XDECREF(d->write);
    free(d);
}

static void machine_dealloc(PyObject *object) {
    machine *const self = (machine *)object;
    PyTypeObject *const type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    machine_clear(object);
    if (self->core != NULL) {
        face_conceal_released(self);
        for (size_t i = 0; i < self->core->ranges; i++) free(self->core->range[i].owner);
        mv_free(self->core);
    }
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

/* -- running ------------------------------------------------------------------------------------------------------------- */

static PyObject *reset(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    uint32_t table;
    if (!face_may_rearrange(self) || !face_get_word(argument, &table)) return NULL;
    if (mv_reset(self->core, table)) Py_RETURN_NONE;
    return PyErr_Format(PyExc_LookupError, "no vector table at address %S: there is no memory", argument);
}

/* Run to a cycle, or take a single step. */
static PyObject *run(machine *self, uint64_t until, bool single, bool masked) {
    self->running = 1;
    self->halt_wanted = 0;
    self->core->attention &= ~(uint32_t)(ATT_HALT | ATT_ABORT);
    leave_python(self);
    const mv_stop stop = single ? mv_step(self->core, masked) : mv_run(self->core, until);
    enter_python(self);
    self->running = 0;
    face_conceal_released(self);
    if (stop == STOP_ABORT) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "a device failed without saying why");
        return NULL;
    }
    return PyLong_FromLong((long)stop);
}

static PyObject *execute(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    const unsigned long long until = PyLong_AsUnsignedLongLong(argument);
    if (until == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
    if (!face_may_rearrange(self)) return NULL;
    return run(self, until < LAST_CYCLE ? until : LAST_CYCLE, false, false);
}

static PyObject *step(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    const int masked = PyObject_IsTrue(argument);
    if (masked < 0 || !face_may_rearrange(self)) return NULL;
    return run(self, 0, true, masked != 0);
}

static PyObject *skip_to(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    const unsigned long long cycle = PyLong_AsUnsignedLongLong(argument);
    if (cycle == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
    if (cycle >= LAST_CYCLE) {
        PyErr_SetString(PyExc_OverflowError, "time ends at cycle 2 to the power of 62");
        return NULL;
    }
    if (!face_may_rearrange(self)) return NULL;
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
    return face_may_touch((machine *)object) ? PyLong_FromUnsignedLongLong(((machine *)object)->core->s.cycle) : NULL;
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
    const int truth = face_may_touch(self) ? PyObject_IsTrue(value) : -1;
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
    if (!get_interrupt(self, argument, &irq) || !face_may_touch(self)) return NULL;
    mv_pend(self->core, EXC_IRQ0 + irq);
    Py_RETURN_NONE;
}

typedef void (*interrupt_switch)(mv_core *core, uint32_t irq, bool on);

static PyObject *switch_interrupt(PyObject *object, PyObject *const *arguments, Py_ssize_t count, interrupt_switch change) {
    machine *const self = (machine *)object;
    uint32_t irq;
    if (!face_has_arguments(count, 2) || !get_interrupt(self, arguments[0], &irq)) return NULL;
    const int on = PyObject_IsTrue(arguments[1]);
    if (on < 0 || !face_may_touch(self)) return NULL;
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
    if (!face_may_rearrange(self)) return NULL;
    self->core->s.sleeping = 1;
    self->core->counters.sleeps++;
    mv_note_deed(self->core, DID_SLEEP, self->core->s.ipsr);
    Py_RETURN_NONE;
}

static PyObject *interrupt_state(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    uint32_t irq;
    if (!get_interrupt(self, argument, &irq) || !face_may_touch(self)) return NULL;
    const mv_state *const s = &self->core->s;
    const uint32_t number = EXC_IRQ0 + irq;
    return Py_BuildValue("(OOO)", mv_has(s->enabled, number) ? Py_True : Py_False, mv_has(s->pending, number) ? Py_True : Py_False,
                         mv_has(s->active, number) ? Py_True : Py_False);
}

/* The cycle at which SysTick ends a sleep, or None. */
static PyObject *get_wake_cycle(PyObject *object, void *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (!face_may_touch(self)) return NULL;
    const uint64_t cycle = mv_wake_cycle(self->core);
    if (cycle == UINT64_MAX) Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(cycle);
}

static PyObject *get_vector_table(PyObject *object, void *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (!face_may_touch(self)) return NULL;
    return PyLong_FromUnsignedLong(self->core->s.vtor);
}

PyMethodDef face_running_methods[] = {
    {"reset", reset, METH_O, NULL},
    {"execute", execute, METH_O, NULL},
    {"execute_step", step, METH_O, NULL},
    {"skip_to", skip_to, METH_O, NULL},
    {"halt", halt, METH_NOARGS, NULL},
    {"pend", pend, METH_O, NULL},
    {"set_line", FAST(set_line), NULL},
    {"set_enabled", FAST(set_enabled), NULL},
    {"sleep", sleep_now, METH_NOARGS, NULL},
    {"interrupt_state", interrupt_state, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

/* -- the module ---------------------------------------------------------------------------------------------------------- */

enum { METHODS_MOST = 96 };

/* One table of all the files' tables; the type keeps pointing at it. */
static PyMethodDef *all_methods(void) {
    static PyMethodDef all[METHODS_MOST + 1];
    PyMethodDef *const tables[] = {face_running_methods,  face_memory_methods, face_state_methods,       face_register_methods,
                                   face_debug_methods,    face_bank_methods,   face_observation_methods};
    size_t count = 0;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const PyMethodDef *method = tables[i]; method->ml_name != NULL && count < METHODS_MOST; method++) all[count++] = *method;
    return all;
}

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
    {Py_tp_methods, NULL}, /* made when the module is */
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec machine_spec = {
    .name = "mvsdk.emulator.core._native.Machine",
    .basicsize = sizeof(machine),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

/* The module keeps the type alive, and nobody unloads the module. */
static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec, const char *name) {
    PyObject *const type = PyErr_Occurred() ? NULL : PyType_FromSpec(spec);
    if (type == NULL || PyModule_AddObjectRef(module, name, type) < 0) {
        Py_XDECREF(type);
        return NULL;
    }
    return (PyTypeObject *)type;
}

static int execute_module(PyObject *module) {
    for (PyType_Slot *slot = slots; slot->slot != 0; slot++)
        if (slot->slot == Py_tp_methods) slot->pfunc = all_methods();
    mv_labels(); /* once, under the lock, before any thread runs a core */
    mv_observed_labels();
    face_image_type = add_type(module, &face_image_spec, "Image");
    face_view_type = add_type(module, &face_view_spec, "View");
    face_snapshot_type = add_type(module, &face_snapshot_spec, "Snapshot");
    PyTypeObject *const type = add_type(module, &machine_spec, "Machine");
    return face_image_type != NULL && face_view_type != NULL && face_snapshot_type != NULL && type != NULL ? 0 : -1;
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

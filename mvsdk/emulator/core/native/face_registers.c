/* The Python type: registers, and the calls that arrive in them. */
#include "face.h"

#include <stdlib.h>
#include <string.h>

/* -- registers ----------------------------------------------------------------------------------------------------------- */

static PyObject *gateway_call(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    const mv_state *const s = &self->core->s;
    (void)unused;
    if (!face_may_touch(self)) return NULL;
    return Py_BuildValue("(kkkkk)", (unsigned long)s->pc, (unsigned long)s->r[0], (unsigned long)s->r[1], (unsigned long)s->r[2],
                         (unsigned long)s->r[3]);
}

static PyObject *gateway_return(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    mv_state *const s = &self->core->s;
    const uint32_t value = (uint32_t)(PyLong_AsUnsignedLongMask(argument) & 0xFFFFFFFFul);
    if (PyErr_Occurred() || !face_may_rearrange(self)) return NULL;
    s->r[0] = value;
    /* The return can end an exception, and its frame can lie in a device: that is a run, if a short one. */
    self->running = 1;
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
    if (!face_may_touch(self)) return NULL;
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
    if (!face_has_arguments(count, 2)) return NULL;
    const char *const name = PyUnicode_AsUTF8AndSize(arguments[0], NULL);
    if (name == NULL || !face_get_word(arguments[1], &value) || !face_may_rearrange(self)) return NULL;
    if (!write_by_name(self->core, name, value)) return PyErr_Format(PyExc_ValueError, "no register is called %R", arguments[0]);
    Py_RETURN_NONE;
}

static PyObject *floating_point(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (!face_may_touch(self)) return NULL;
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
    if (!face_has_arguments(count, 2) || !face_get_word(arguments[0], &number) || !face_get_word(arguments[1], &value)) return NULL;
    if (number > 32) return PyErr_Format(PyExc_ValueError, "no floating-point register %u", (unsigned)number);
    if (!face_may_rearrange(self)) return NULL;
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
    if (!face_may_touch(self)) return NULL;
    return Py_BuildValue("(kkkk)", (unsigned long)s->cfsr, (unsigned long)s->hfsr, (unsigned long)s->mmfar, (unsigned long)s->bfar);
}

PyMethodDef face_register_methods[] = {
    {"gateway_call", gateway_call, METH_NOARGS, NULL},
    {"gateway_return", gateway_return, METH_O, NULL},
    {"register_values", registers, METH_NOARGS, NULL},
    {"write_register", FAST(write_register), NULL},
    {"floating_point", floating_point, METH_NOARGS, NULL},
    {"write_floating_point", FAST(write_floating_point), NULL},
    {"fault_status", fault_status, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

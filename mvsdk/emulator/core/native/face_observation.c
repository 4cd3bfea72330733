/* The Python type: what was executed and how often. */
#include "face.h"

#include <string.h>

static PyObject *counter_values(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (!face_may_touch(self)) return NULL;
    const mv_counters *const c = &self->core->counters;
    return Py_BuildValue("(KKKKKKKK)", (unsigned long long)c->instructions, (unsigned long long)c->exceptions,
                         (unsigned long long)c->supervisor_calls, (unsigned long long)c->gateway_stops,
                         (unsigned long long)c->device_reads, (unsigned long long)c->device_writes,
                         (unsigned long long)c->blocks_decoded, (unsigned long long)c->sleeps);
}

static PyObject *count_instructions(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    const int on = PyObject_IsTrue(argument);
    if (on < 0 || !face_may_rearrange(self)) return NULL;
    mv_count_instructions(self->core, on != 0);
    Py_RETURN_NONE;
}

/* -- coverage ------------------------------------------------------------------------------------------------------------ */

static PyObject *record_coverage(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    const int on = PyObject_IsTrue(argument);
    if (on < 0 || !face_may_rearrange(self)) return NULL;
    if (!mv_record_coverage(self->core, on != 0)) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *bitmap(const uint8_t *bits, uint32_t covered) {
    return PyBytes_FromStringAndSize((const char *)bits, (Py_ssize_t)(covered >> 4));
}

/* A row of `coverage_bitmaps`; everything of the range is read before an object is made that can run Python code. */
static PyObject *coverage_row(const mv_range *range) {
    const unsigned long base = range->base, size = range->size;
    PyObject *const executed = bitmap(range->executed, range->size), *const taken = bitmap(range->taken, range->size);
    PyObject *const passed = bitmap(range->passed, range->size);
    if (executed != NULL && taken != NULL && passed != NULL) return Py_BuildValue("(kkNNN)", base, size, executed, taken, passed);
    Py_XDECREF(executed);
    Py_XDECREF(taken);
    Py_XDECREF(passed);
    return NULL;
}

/* Of every memory its base, size and three bitmaps: executed, branches taken, branches passed. */
static PyObject *coverage_bitmaps(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    PyObject *const ranges = PyList_New(0);
    if (ranges == NULL) return NULL;
    for (size_t i = 0; face_may_touch(self) && i < self->core->ranges; i++) {
        if (self->core->range[i].executed == NULL) continue;
        PyObject *const row = coverage_row(&self->core->range[i]);
        const int failed = row == NULL ? -1 : PyList_Append(ranges, row);
        Py_XDECREF(row);
        if (failed != 0) break;
    }
    if (!PyErr_Occurred()) return ranges;
    Py_DECREF(ranges);
    return NULL;
}

/* -- trace --------------------------------------------------------------------------------------------------------------- */

static PyObject *trace_instructions(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    const Py_ssize_t length = PyLong_AsSsize_t(argument);
    if (length == -1 && PyErr_Occurred()) return NULL;
    if (length < 0) return PyErr_Format(PyExc_ValueError, "a trace cannot hold %zd instructions", length);
    if (!face_may_rearrange(self)) return NULL;
    if (!mv_trace(self->core, (size_t)length)) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

/* The pairs of cycle and address, oldest first. */
static PyObject *traced_instructions(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    PyObject *const list = PyList_New(0);
    if (list == NULL || !face_may_touch(self)) {
        Py_XDECREF(list);
        return NULL;
    }
    const mv_core *const core = self->core;
    size_t at = core->traced > core->trace_length ? core->traced - core->trace_length : 0;
    for (; core->trace_length != 0 && at < core->traced; at++) {
        const mv_executed *const one = &core->trace[at % core->trace_length];
        PyObject *const row = Py_BuildValue("(Kk)", (unsigned long long)one->cycle, (unsigned long)one->address);
        const int failed = row == NULL ? -1 : PyList_Append(list, row);
        Py_XDECREF(row);
        if (failed != 0) {
            Py_DECREF(list);
            return NULL;
        }
        if (!face_may_touch(self)) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

/* -- what the core does of itself --------------------------------------------------------------------------------------- */

static PyObject *follow_activity(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    const int on = PyObject_IsTrue(argument);
    if (on < 0 || !face_may_rearrange(self)) return NULL;
    if (!mv_follow(self->core, on != 0)) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

/* The deeds since the last call, each as cycle, what, exception. They are copied first: making rows can run Python code. */
static PyObject *take_deeds(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (!face_may_touch(self)) return NULL;
    const size_t count = self->core->deeds;
    mv_deed *const deed = PyMem_Malloc(sizeof(mv_deed) * (count + 1));
    if (deed == NULL) return PyErr_NoMemory();
    if (count != 0) memcpy(deed, self->core->deed, sizeof(mv_deed) * count);
    self->core->deeds = 0;
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *const row = Py_BuildValue("(Kkk)", (unsigned long long)deed[i].cycle, (unsigned long)deed[i].did,
                                            (unsigned long)deed[i].exception);
        if (row == NULL || PyList_SetItem(list, (Py_ssize_t)i, row) < 0) {
            Py_DECREF(list);
            list = NULL;
        }
    }
    PyMem_Free(deed);
    return list;
}

PyMethodDef face_observation_methods[] = {
    {"counter_values", counter_values, METH_NOARGS, NULL},
    {"count_instructions", count_instructions, METH_O, NULL},
    {"record_coverage", record_coverage, METH_O, NULL},
    {"coverage_bitmaps", coverage_bitmaps, METH_NOARGS, NULL},
    {"trace_instructions", trace_instructions, METH_O, NULL},
    {"traced_instructions", traced_instructions, METH_NOARGS, NULL},
    {"follow_activity", follow_activity, METH_O, NULL},
    {"take_deeds", take_deeds, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

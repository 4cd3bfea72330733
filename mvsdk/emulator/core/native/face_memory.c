/* The Python type: memory map, memory, and the whole state as bytes. */
#include "face.h"

#include <stdlib.h>

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
    if (!face_may_rearrange(self) || !face_get_word(first, &base) || !face_get_word(second, &size)) return NULL;
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
    if (!face_has_arguments(count, 3) || !face_get_word(arguments[0], &base) || !face_get_word(arguments[1], &size)) return NULL;
    device *const d = bind_device(self, arguments[2]);
    if (d == NULL) return NULL;
    const bool may = face_may_rearrange(self);
    if (may && mv_map(self->core, base, size, true, d)) Py_RETURN_NONE;
    PyObject *const read = d->read, *const write = d->write;
    free(d);
    if (may) map_failed(base, size);
    Py_DECREF(read);
    Py_DECREF(write);
    return NULL;
}

/* -- memory -------------------------------------------------------------------------------------------------------------- */

static PyObject *no_memory_at(PyObject *address, Py_ssize_t size) {
    PyErr_Format(PyExc_LookupError, "no memory for %zd bytes at address %S", size, address);
    return NULL;
}

static bool get_address(PyObject *object, uint32_t *address) {
    if (face_get_word(object, address)) return true;
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear();
        no_memory_at(object, 0);
    }
    return false;
}

static PyObject *read_memory(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t address;
    if (!face_has_arguments(count, 2) || !face_may_touch(self) || !get_address(arguments[0], &address)) return NULL;
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
    if (!face_has_arguments(count, 2) || !get_address(arguments[0], &address)) return NULL;
    if (PyObject_GetBuffer(arguments[1], &data, PyBUF_SIMPLE) < 0) return NULL;
    const size_t size = (size_t)data.len;
    const bool may = face_may_touch(self);
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
    if (!face_may_rearrange(self)) return NULL;
    const size_t size = mv_snapshot(self->core, NULL);
    PyObject *const bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (bytes != NULL) mv_snapshot(self->core, (uint8_t *)PyBytes_AsString(bytes));
    return bytes;
}

static PyObject *restore(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    Py_buffer data;
    if (PyObject_GetBuffer(argument, &data, PyBUF_SIMPLE) < 0) return NULL;
    const bool may = face_may_rearrange(self), done = may && mv_restore(self->core, data.buf, (size_t)data.len);
    if (may && !done) PyErr_SetString(PyExc_ValueError, "not a snapshot of a core with this memory map");
    PyBuffer_Release(&data);
    if (!done) return NULL;
    Py_RETURN_NONE;
}

PyMethodDef face_memory_methods[] = {
    {"map_memory", KEYWORDS(map_memory), NULL},
    {"map_device", FAST(map_device), NULL},
    {"read_memory", FAST(read_memory), NULL},
    {"write_memory", FAST(write_memory), NULL},
    {"snapshot", snapshot, METH_NOARGS, NULL},
    {"restore", restore, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

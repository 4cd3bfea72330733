/* The Python type: its whole state, to go back to, to keep as bytes, and to compare. */
#include "face.h"

#include <stdlib.h>

/* -- snapshots ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    mv_snapshot *snapshot;
} snapshot_object;

static PyObject *snapshot_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    (void)type;
    (void)arguments;
    (void)keywords;
    PyErr_SetString(PyExc_TypeError, "a snapshot is made by Core.snapshot()");
    return NULL;
}

static void snapshot_dealloc(PyObject *object) {
    PyTypeObject *const type = Py_TYPE(object);
    mv_snapshot *const snapshot = ((snapshot_object *)object)->snapshot;
    if (snapshot != NULL) mv_free_snapshot(snapshot);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyType_Slot snapshot_slots[] = {
    {Py_tp_new, (void *)snapshot_new},
    {Py_tp_dealloc, (void *)snapshot_dealloc},
    {0, NULL},
};

PyTypeObject *face_snapshot_type;
PyType_Spec face_snapshot_spec = {
    .name = "mvsdk.emulator.core._native.Snapshot",
    .basicsize = sizeof(snapshot_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = snapshot_slots,
};

static PyObject *snapshot(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    allocfunc allocate = (allocfunc)PyType_GetSlot(face_snapshot_type, Py_tp_alloc);
    snapshot_object *const kept = (snapshot_object *)(void *)allocate(face_snapshot_type, 0);
    if (kept == NULL) return NULL;
    if (face_may_rearrange(self)) {
        kept->snapshot = mv_take_snapshot(self->core);
        if (kept->snapshot != NULL) return (PyObject *)kept;
        PyErr_NoMemory();
    }
    Py_DECREF(kept);
    return NULL;
}

static PyObject *restore(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    if (!PyObject_TypeCheck(argument, face_snapshot_type))
        return PyErr_Format(PyExc_TypeError, "restore() takes a snapshot, not %R", argument);
    if (!face_may_rearrange(self)) return NULL;
    if (mv_return_to_snapshot(self->core, ((snapshot_object *)argument)->snapshot)) Py_RETURN_NONE;
    PyErr_SetString(PyExc_ValueError, "not a snapshot of a core with this memory map");
    return NULL;
}

/* -- bytes --------------------------------------------------------------------------------------------------------------- */

static PyObject *save(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (!face_may_rearrange(self)) return NULL;
    PyObject *const bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)mv_save(self->core, NULL));
    if (bytes != NULL) mv_save(self->core, (uint8_t *)PyBytes_AsString(bytes));
    return bytes;
}

static PyObject *load(PyObject *object, PyObject *argument) {
    machine *const self = (machine *)object;
    /* Bytes that nobody can change between their being checked and being used. */
    PyObject *const data = face_as_bytes(argument);
    if (data == NULL) return NULL;
    const bool may = face_may_rearrange(self);
    const bool done = may && mv_load(self->core, (const uint8_t *)PyBytes_AsString(data), (size_t)PyBytes_Size(data));
    if (may && !done) PyErr_SetString(PyExc_ValueError, "not a saved state of a core with this memory map");
    Py_DECREF(data);
    if (!done) return NULL;
    Py_RETURN_NONE;
}

/* -- digests ------------------------------------------------------------------------------------------------------------- */

enum { DIGEST = sizeof(((mv_page *)0)->digest) };

/* Each page is digested once for as long as it is shared. Runs Python code. */
static bool digest_page(mv_page *page, PyObject *digest) {
    if (page->digested) return true;
    PyObject *const result = PyObject_CallFunction(digest, "y#", (const char *)page->bytes, (Py_ssize_t)PAGE_SIZE);
    const bool done = result != NULL && PyBytes_Check(result) && PyBytes_Size(result) == DIGEST;
    if (done) {
        const char *const bytes = PyBytes_AsString(result);
        for (size_t i = 0; i < DIGEST; i++) page->digest[i] = (uint8_t)bytes[i];
        page->digested = true;
    } else if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_TypeError, "a digest is 32 bytes");
    }
    Py_XDECREF(result);
    return done;
}

/* Registers, then of each memory base and size, and the digests of its pages. */
static PyObject *digest_snapshot(const mv_snapshot *kept, bool steps, PyObject *digest) {
    size_t size = mv_put_state(&kept->s, NULL) + 5;
    for (uint32_t i = 0; i < kept->ranges; i++) size += 8 + (size_t)(kept->range[i].size >> PAGE_BITS) * DIGEST;
    PyObject *const bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (bytes == NULL) return NULL;
    uint8_t *at = (uint8_t *)PyBytes_AsString(bytes);
    at += mv_put_state(&kept->s, at);
    *at++ = steps;
    for (uint32_t i = 0; i < 4; i++) *at++ = (uint8_t)(kept->interrupts >> (8 * i));
    for (uint32_t i = 0; i < kept->ranges; i++) {
        const mv_kept_range *const range = &kept->range[i];
        for (uint32_t part = 0; part < 8; part++) *at++ = (uint8_t)((part < 4 ? range->base : range->size) >> (8 * (part & 3)));
        for (uint32_t page = 0; page < range->size >> PAGE_BITS; page++, at += DIGEST) {
            if (!digest_page(range->page[page], digest)) {
                Py_DECREF(bytes);
                return NULL;
            }
            for (size_t byte = 0; byte < DIGEST; byte++) at[byte] = range->page[page]->digest[byte];
        }
    }
    return bytes;
}

/* What the state is, as bytes to be hashed: the pages' own bytes replaced by what `digest` makes of them. */
static PyObject *digested_state(PyObject *object, PyObject *digest) {
    machine *const self = (machine *)object;
    if (!face_may_rearrange(self)) return NULL;
    mv_snapshot *const kept = mv_take_snapshot(self->core);
    if (kept == NULL) return PyErr_NoMemory();
    uint8_t code[2];
    const bool steps = kept->stepped_breakpoint == (kept->s.pc | 1) &&
                       mv_debug_copy(self->core, kept->s.pc, code, sizeof code, false) && code[1] == 0xBE;
    PyObject *const bytes = digest_snapshot(kept, steps, digest);
    mv_free_snapshot(kept);
    return bytes;
}

PyMethodDef face_state_methods[] = {
    {"snapshot", snapshot, METH_NOARGS, NULL},
    {"restore", restore, METH_O, NULL},
    {"save", save, METH_NOARGS, NULL},
    {"load", load, METH_O, NULL},
    {"digested_state", digested_state, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

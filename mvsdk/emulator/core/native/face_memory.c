/* The Python type: memory map, memory, and views of it that copy nothing. */
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

static PyObject *place_memory(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t base, size;
    if (!face_has_arguments(count, 4) || !face_get_word(arguments[0], &base) || !face_get_word(arguments[1], &size)) return NULL;
    if (arguments[3] != Py_None && !PyObject_TypeCheck(arguments[3], face_image_type))
        return PyErr_Format(PyExc_TypeError, "contents are an Image or None, not %R", arguments[3]);
    mv_image *const image = arguments[3] == Py_None ? NULL : ((face_image *)arguments[3])->image;
    const int writable = PyObject_IsTrue(arguments[2]);
    if (writable < 0 || !face_may_rearrange(self)) return NULL;
    if (!mv_map_memory(self->core, base, size, writable != 0, image)) return map_failed(base, size);
    Py_RETURN_NONE;
}

static device *bind_device(machine *self, PyObject *implementation) {
    device *const d = calloc(1, sizeof *d);
    if (d == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    d->machine = self;
    d->implementation = Py_NewRef(implementation);
    d->read = PyObject_GetAttrString(implementation, "read");
    d->write = d->read == NULL ? NULL : PyObject_GetAttrString(implementation, "write");
    if (d->write != NULL) return d;
    face_free_device(d);
    return NULL;
}

static PyObject *map_device(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t base, size;
    if (!face_has_arguments(count, 3) || !face_get_word(arguments[0], &base) || !face_get_word(arguments[1], &size)) return NULL;
    device *const d = bind_device(self, arguments[2]);
    if (d == NULL) return NULL;
    const bool may = face_may_rearrange(self);
    if (may && mv_map_device(self->core, base, size, d)) Py_RETURN_NONE;
    if (may) map_failed(base, size);
    face_free_device(d);
    return NULL;
}

static PyObject *guard_memory(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t base;
    if (!face_has_arguments(count, 2) || !face_get_word(arguments[0], &base)) return NULL;
    device *const d = bind_device(self, arguments[1]);
    if (d == NULL) return NULL;
    const bool may = face_may_rearrange(self);
    if (may && mv_guard(self->core, base, d)) Py_RETURN_NONE;
    if (may) PyErr_Format(PyExc_ValueError, "no memory without a guard begins at %S", arguments[0]);
    face_free_device(d);
    return NULL;
}

static PyObject *guard_reads(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t address;
    if (!face_has_arguments(count, 2) || !face_may_touch(self) || !face_get_word(arguments[0], &address)) return NULL;
    const int asked = PyObject_IsTrue(arguments[1]);
    if (asked < 0 || !face_may_touch(self)) return NULL;
    if (mv_guard_reads(self->core, address, asked != 0)) Py_RETURN_NONE;
    return PyErr_Format(PyExc_ValueError, "no memory with a guard at %S", arguments[0]);
}

/* -- a second core out of the first -------------------------------------------------------------------------------------- */

static void free_devices(device **devices, size_t count) {
    for (size_t i = 0; i < count; i++) face_free_device(devices[i]);
    PyMem_Free(devices);
}

static size_t count_devices(const mv_core *core) {
    size_t count = 0;
    for (size_t i = 0; i < core->ranges; i++) count += core->range[i].owner != NULL;
    return count;
}

/* What answers in the fork, as device or as guard, range by range; runs Python code. */
static device **rebind_devices(machine *self, machine *twin, PyObject *rebind, size_t *count) {
    *count = 0;
    device **const devices = PyMem_Malloc(sizeof(device *) * (count_devices(self->core) + 1));
    if (devices == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    const size_t ranges = self->core->ranges;
    for (size_t i = 0; i < ranges; i++) {
        const device *const old = self->core->range[i].owner;
        if (old == NULL) continue;
        PyObject *const implementation = PyObject_CallFunctionObjArgs(rebind, old->implementation, NULL);
        device *const d = implementation == NULL ? NULL : bind_device(twin, implementation);
        Py_XDECREF(implementation);
        if (d == NULL) {
            free_devices(devices, *count);
            return NULL;
        }
        devices[(*count)++] = d;
    }
    return devices;
}

/* The same map and state; the devices become the twin's one after the other. Runs no Python code. */
static bool become_twin(machine *self, machine *twin, device **devices, size_t *used) {
    mv_core *const core = self->core, *const copy = twin->core;
    for (size_t i = 0; i < core->ranges; i++) {
        const mv_range *const range = &core->range[i];
        if (!range->device && !mv_map_memory(copy, range->base, range->size, range->writable, NULL)) return false;
        if (range->owner == NULL) continue;
        device *const d = devices[*used];
        if (!(range->device ? mv_map_device(copy, range->base, range->size, d) : mv_guard(copy, range->base, d))) return false;
        ++*used;
        for (uint32_t page = 0; !range->device && page < range->size >> PAGE_BITS; page++)
            copy->range[i].frame[page].asked = range->frame[page].asked;
    }
    mv_snapshot *const snapshot = mv_take_snapshot(core);
    if (snapshot == NULL) return false;
    const bool done = mv_return_to_snapshot(copy, snapshot) && mv_copy_stops(copy, core);
    copy->take_hardfault = core->take_hardfault;
    mv_free_snapshot(snapshot);
    return done;
}

static PyObject *fork_core(PyObject *object, PyObject *rebind) {
    machine *const self = (machine *)object;
    size_t count, used = 0;
    if (!face_may_rearrange(self)) return NULL;
    machine *const twin = face_new_machine(Py_TYPE(object), self->bus_fault, self->core->interrupts);
    device **const devices = twin == NULL ? NULL : rebind_devices(self, twin, rebind, &count);
    bool done = false;
    if (devices != NULL && face_may_rearrange(self)) {
        if (count_devices(self->core) != count) {
            PyErr_SetString(PyExc_RuntimeError, "the memory map changed while the core was forked");
        } else {
            done = become_twin(self, twin, devices, &used);
            if (!done) PyErr_NoMemory();
        }
    }
    if (devices != NULL) {
        for (size_t i = used; i < count; i++) face_free_device(devices[i]);
        PyMem_Free(devices);
    }
    if (done) return (PyObject *)twin;
    Py_XDECREF((PyObject *)twin);
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
    if (!face_has_arguments(count, 2) || !get_address(arguments[0], &address)) return NULL;
    /* What is written may be a view of this very memory. */
    PyObject *const data = face_as_bytes(arguments[1]);
    if (data == NULL) return NULL;
    const size_t size = (size_t)PyBytes_Size(data);
    const bool may = face_may_touch(self);
    bool there = may && mv_debug_copy(self->core, address, NULL, size, false);
    if (there) there = mv_debug_copy(self->core, address, (uint8_t *)PyBytes_AsString(data), size, true);
    if (may && !there) no_memory_at(arguments[0], (Py_ssize_t)size);
    Py_DECREF(data);
    if (!there) return NULL;
    Py_RETURN_NONE;
}

PyObject *face_as_bytes(PyObject *object) {
    Py_buffer data;
    if (PyBytes_CheckExact(object)) return Py_NewRef(object);
    if (PyObject_GetBuffer(object, &data, PyBUF_SIMPLE) < 0) return NULL;
    PyObject *const bytes = PyBytes_FromStringAndSize(data.buf, data.len);
    PyBuffer_Release(&data);
    return bytes;
}

/* -- views --------------------------------------------------------------------------------------------------------------- */

/* What a memoryview of a core's memory looks through. It keeps the core alive, and the pages where they are. */
typedef struct {
    PyObject_HEAD
    machine *machine;
    exposure *exposure;
    uint8_t *host;
} view;

static PyObject *memory_view(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t address, size;
    if (!face_has_arguments(count, 3) || !get_address(arguments[0], &address) || !face_get_word(arguments[1], &size)) return NULL;
    const int writable = PyObject_IsTrue(arguments[2]);
    if (writable < 0 || !face_may_touch(self)) return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(face_view_type, Py_tp_alloc);
    view *const through = (view *)(void *)allocate(face_view_type, 0);
    if (through == NULL) return NULL;
    through->exposure = calloc(1, sizeof(exposure));
    /* Making an object can run a finaliser, and that let another thread in. */
    const bool may = through->exposure != NULL && face_may_touch(self);
    through->host = may ? mv_expose(self->core, address, size, writable != 0) : NULL;
    PyObject *seen = NULL;
    if (through->host != NULL) {
        *through->exposure = (exposure){.address = address, .size = size, .writable = writable != 0};
        through->machine = (machine *)Py_NewRef(object);
        seen = PyMemoryView_FromObject((PyObject *)through);
    } else if (may) {
        no_memory_at(arguments[0], (Py_ssize_t)size);
    } else if (!PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    Py_DECREF(through);
    return seen;
}

static int view_buffer(PyObject *object, Py_buffer *buffer, int flags) {
    view *const self = (view *)object;
    return PyBuffer_FillInfo(buffer, object, self->host, (Py_ssize_t)self->exposure->size, !self->exposure->writable, flags);
}

static int view_traverse(PyObject *object, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((view *)object)->machine);
    return 0;
}

/* While the core runs on another thread its pages are that thread's: it is told when it comes back. */
static void view_dealloc(PyObject *object) {
    view *const self = (view *)object;
    PyTypeObject *const type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->machine != NULL) {
        self->exposure->next = self->machine->released;
        self->machine->released = self->exposure;
        if (self->machine->thread == NULL) face_conceal_released(self->machine);
        Py_DECREF(self->machine);
    } else {
        free(self->exposure);
    }
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

void face_conceal_released(machine *self) {
    while (self->released != NULL) {
        exposure *const gone = self->released;
        self->released = gone->next;
        mv_conceal(self->core, gone->address, gone->size, gone->writable);
        free(gone);
    }
}

static PyObject *not_made_so(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    (void)type;
    (void)arguments;
    (void)keywords;
    PyErr_SetString(PyExc_TypeError, "a view is made by memory_view()");
    return NULL;
}

static PyType_Slot view_slots[] = {
    {Py_tp_new, (void *)not_made_so},
    {Py_tp_dealloc, (void *)view_dealloc},
    {Py_tp_traverse, (void *)view_traverse},
    {Py_bf_getbuffer, (void *)view_buffer},
    {0, NULL},
};

PyTypeObject *face_view_type;
PyType_Spec face_view_spec = {
    .name = "mvsdk.emulator.core._native.View",
    .basicsize = sizeof(view),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = view_slots,
};

/* -- images -------------------------------------------------------------------------------------------------------------- */

static PyObject *image_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"data", "size", "fill", NULL};
    PyObject *source, *length;
    unsigned char fill;
    uint32_t size;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOb", names, &source, &length, &fill)) return NULL;
    PyObject *const data = face_get_word(length, &size) ? face_as_bytes(source) : NULL;
    if (data == NULL) return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    face_image *self = NULL;
    if (size == 0 || size % PAGE_SIZE != 0 || (size_t)PyBytes_Size(data) > size)
        PyErr_SetString(PyExc_ValueError, "an image is whole pages of 4096 bytes, and not smaller than its data");
    else
        self = (face_image *)(void *)allocate(type, 0);
    if (self != NULL) {
        self->image = mv_image_new((const uint8_t *)PyBytes_AsString(data), (size_t)PyBytes_Size(data), size, fill);
        if (self->image == NULL) {
            Py_CLEAR(self);
            PyErr_NoMemory();
        }
    }
    Py_DECREF(data);
    return (PyObject *)self;
}

static void image_dealloc(PyObject *object) {
    PyTypeObject *const type = Py_TYPE(object);
    mv_image_drop(((face_image *)object)->image);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyType_Slot image_slots[] = {
    {Py_tp_new, (void *)image_new},
    {Py_tp_dealloc, (void *)image_dealloc},
    {0, NULL},
};

PyTypeObject *face_image_type;
PyType_Spec face_image_spec = {
    .name = "mvsdk.emulator.core._native.Image",
    .basicsize = sizeof(face_image),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = image_slots,
};

PyMethodDef face_memory_methods[] = {
    {"place_memory", FAST(place_memory), NULL},
    {"map_device", FAST(map_device), NULL},
    {"guard_memory", FAST(guard_memory), NULL},
    {"guard_reads", FAST(guard_reads), NULL},
    {"fork_core", fork_core, METH_O, NULL},
    {"read_memory", FAST(read_memory), NULL},
    {"write_memory", FAST(write_memory), NULL},
    {"view_memory", FAST(memory_view), NULL},
    {NULL, NULL, 0, NULL},
};

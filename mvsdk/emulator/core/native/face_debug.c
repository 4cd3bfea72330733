/* The Python type: where a run is to stop, a debugger's accesses, and what the ITM puts out. */
#include "face.h"

/* The words of an iterable, to be freed with PyMem_Free; NULL with an exception set. Runs Python code. */
static uint32_t *get_words(PyObject *iterable, size_t *count) {
    PyObject *const list = PySequence_List(iterable);
    if (list == NULL) return NULL;
    *count = (size_t)PyList_Size(list);
    uint32_t *words = PyMem_Malloc(sizeof(uint32_t) * (*count + 1));
    if (words == NULL) PyErr_NoMemory();
    for (size_t i = 0; words != NULL && i < *count; i++)
        if (!face_get_word(PyList_GetItem(list, (Py_ssize_t)i), &words[i])) {
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
    return replace_stops((machine *)object, addresses, 1, true, face_may_rearrange);
}

static PyObject *set_breakpoints(PyObject *object, PyObject *addresses) {
    return replace_stops((machine *)object, addresses, 0, false, face_may_touch);
}

/* -- watchpoints --------------------------------------------------------------------------------------------------------- */

static bool get_watch(PyObject *row, mv_watch *watch) {
    unsigned int numbers[4];
    int reads, writes;
    if (!PyTuple_Check(row)) {
        PyErr_SetString(PyExc_TypeError, "a watchpoint is a row of six");
        return false;
    }
    if (!PyArg_ParseTuple(row, "IIppII", &numbers[0], &numbers[1], &reads, &writes, &numbers[2], &numbers[3])) return false;
    *watch = (mv_watch){numbers[0], numbers[1], reads != 0, writes != 0, numbers[2], numbers[3]};
    return true;
}

/* Rows of first address, last address, whether reads and whether writes, value, mask. */
static PyObject *set_watches(PyObject *object, PyObject *rows) {
    machine *const self = (machine *)object;
    PyObject *const list = PySequence_List(rows);
    if (list == NULL) return NULL;
    const size_t count = (size_t)PyList_Size(list);
    mv_watch *const watches = PyMem_Malloc(sizeof(mv_watch) * (count + 1));
    bool done = watches != NULL;
    if (!done) PyErr_NoMemory();
    for (size_t i = 0; done && i < count; i++) done = get_watch(PyList_GetItem(list, (Py_ssize_t)i), &watches[i]);
    done = done && face_may_touch(self);
    if (done && !mv_set_watches(self->core, watches, count)) {
        PyErr_NoMemory();
        done = false;
    }
    PyMem_Free(watches);
    Py_DECREF(list);
    if (!done) return NULL;
    Py_RETURN_NONE;
}

static PyObject *watch_hit(PyObject *object, PyObject *unused) {
    machine *const self = (machine *)object;
    (void)unused;
    if (!face_may_touch(self)) return NULL;
    const mv_hit *const hit = &self->core->last_hit;
    return Py_BuildValue("(kkOkk)", (unsigned long)hit->address, (unsigned long)hit->size, hit->writes ? Py_True : Py_False,
                         (unsigned long)hit->value, (unsigned long)hit->pc);
}

/* -- a debugger's accesses ------------------------------------------------------------------------------------------------ */

static bool get_access(PyObject *const *arguments, uint32_t *address, uint32_t *size) {
    if (!face_get_word(arguments[0], address) || !face_get_word(arguments[1], size)) return false;
    if ((*size == 1 || *size == 2 || *size == 4) && *address % *size == 0) return true;
    PyErr_SetString(PyExc_ValueError, "an access is of 1, 2 or 4 bytes, at a multiple of its size");
    return false;
}

/* Devices answer the debugger as they answer the guest, so its access is a run, if a short one. */
static bool is_answered(machine *self, mv_answer answer) {
    self->running = 0;
    if (answer == ANSWER_BUS_ERROR) PyErr_SetString(self->bus_fault, "nothing answers there");
    if (answer == ANSWER_ABORT && !PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "a device failed without saying why");
    return answer == ANSWER_OK;
}

static PyObject *debug_read(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t address, size, value = 0;
    if (!face_has_arguments(count, 2) || !get_access(arguments, &address, &size) || !face_may_rearrange(self)) return NULL;
    self->running = 1;
    return is_answered(self, mv_debug_read(self->core, address, size, &value)) ? PyLong_FromUnsignedLong(value) : NULL;
}

static PyObject *debug_write(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t address, size, value;
    if (!face_has_arguments(count, 3) || !get_access(arguments, &address, &size) || !face_get_word(arguments[2], &value)) return NULL;
    if (!face_may_rearrange(self)) return NULL;
    self->running = 1;
    if (!is_answered(self, mv_debug_write(self->core, address, size, value))) return NULL;
    Py_RETURN_NONE;
}

/* -- the ITM ------------------------------------------------------------------------------------------------------------- */

static PyObject *set_itm_output(PyObject *object, PyObject *output) {
    machine *const self = (machine *)object;
    if (!face_may_rearrange(self)) return NULL;
    PyObject *const before = self->itm.write;
    self->itm.write = output == Py_None ? NULL : Py_NewRef(output);
    self->core->itm_output = output == Py_None ? NULL : &self->itm;
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

PyMethodDef face_debug_methods[] = {
    {"trap", trap, METH_O, NULL},
    {"set_breakpoints", set_breakpoints, METH_O, NULL},
    {"set_watches", set_watches, METH_O, NULL},
    {"watch_hit", watch_hit, METH_NOARGS, NULL},
    {"debug_read", FAST(debug_read), NULL},
    {"debug_write", FAST(debug_write), NULL},
    {"set_itm_output", set_itm_output, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

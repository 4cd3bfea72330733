/* The Python type: where a run is to stop. */
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

PyMethodDef face_debug_methods[] = {
    {"trap", trap, METH_O, NULL},
    {"set_breakpoints", set_breakpoints, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

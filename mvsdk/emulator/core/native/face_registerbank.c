/* The Python type: registers that the core answers itself, from words that an object of Python's holds. */
#include "face.h"

#include <stdlib.h>
#include <string.h>

static void release(void *owner) {
    PyBuffer_Release(owner);
    free(owner);
}

void face_release_banks(machine *self) { mv_unbind(self->core, release); }

int face_visit_banks(machine *self, visitproc visit, void *arg) {
    for (uint32_t i = 0; i < BANK_SLOTS; i++)
        for (const mv_bank *bank = self->core->bank[i]; bank != NULL; bank = bank->chain) {
            const Py_buffer *const view = bank->owner;
            Py_VISIT(view->obj);
        }
    return 0;
}

static PyObject *refuse(const char *problem) {
    PyErr_SetString(PyExc_ValueError, problem);
    return NULL;
}

/* A view of writable words that stays open as long as the binding; NULL with an exception set. */
static Py_buffer *open_words(PyObject *object) {
    Py_buffer *const view = calloc(1, sizeof *view);
    if (view == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (PyObject_GetBuffer(object, view, PyBUF_WRITABLE | PyBUF_FORMAT) < 0) {
        free(view);
        return NULL;
    }
    if (view->itemsize == sizeof(uint32_t) && (uintptr_t)view->buf % sizeof(uint32_t) == 0) return view;
    release(view);
    refuse("its values are not an array of 32-bit words");
    return NULL;
}

static const char *bind_described(machine *self, uint32_t base, Py_buffer *view, const Py_buffer *described) {
    const size_t size = (size_t)described->len, rules = size / sizeof(mv_register);
    if (size % sizeof(mv_register) != 0) return "its description is not whole records";
    mv_register *const rule = malloc(size == 0 ? 1 : size);
    if (rule == NULL) return "there is no memory for it";
    memcpy(rule, described->buf, size);
    const char *const problem = mv_bind(self->core, base, view->buf, (size_t)view->len / sizeof(uint32_t), rule, rules, view);
    free(rule);
    return problem;
}

/* Bind the registers that `descriptions` has records of to `words`. */
static PyObject *bind_bank(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    machine *const self = (machine *)object;
    uint32_t base;
    Py_buffer described;
    if (!face_has_arguments(count, 3) || !face_get_word(arguments[0], &base)) return NULL;
    Py_buffer *const view = open_words(arguments[1]);
    if (view == NULL) return NULL;
    const bool read = PyObject_GetBuffer(arguments[2], &described, PyBUF_SIMPLE) == 0;
    const bool may = read && face_may_rearrange(self);
    const char *const problem = may ? bind_described(self, base, view, &described) : "";
    if (read) PyBuffer_Release(&described);
    if (problem == NULL) Py_RETURN_NONE;
    release(view);
    return may ? refuse(problem) : NULL;
}

PyMethodDef face_bank_methods[] = {
    {"bind_bank", FAST(bind_bank), NULL},
    {NULL, NULL, 0, NULL},
};

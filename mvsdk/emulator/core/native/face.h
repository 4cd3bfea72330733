/* What the files of the Python type share. Each has a table of methods; face.c makes one type of them.
 *
 * The limited API of Python 3.11, so that one binary serves all later ones.
 */
#ifndef MVSDK_FACE_H
#define MVSDK_FACE_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "core.h"

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
    device itm;          /* who takes what the ITM puts out; `write` is NULL where nobody does */
} machine;

/* Whatever runs Python code, the caller's or a finaliser's, can let another thread in: these two are asked after the last
 * such call, right before the core is touched. */
bool face_may_touch(machine *self);
bool face_may_rearrange(machine *self);
bool face_get_word(PyObject *object, uint32_t *value);
bool face_has_arguments(Py_ssize_t given, Py_ssize_t wanted);
int face_visit_banks(machine *self, visitproc visit, void *arg);
void face_release_banks(machine *self);

#define FAST(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL
#define KEYWORDS(function) (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS

/* The tables of methods, each ended by a row without a name. */
extern PyMethodDef face_running_methods[], face_memory_methods[], face_register_methods[], face_debug_methods[],
    face_bank_methods[];

#endif

"""From a name to an ELF file: scaffold a project, read its `mvsdk.toml`, find the tools, build, and weigh the result.

It drives CMake and Ninja and replaces neither: a project builds the same with `cmake --preset debug && ninja -C build`.
It signs nothing and runs nothing on a device.
The rule that must never break: the same commit gives the same bytes, and a build with nothing to do touches nothing.

    names ── scaffold            `mvsdk new`
    configuration ─┐             a project with an `mvsdk.toml`
    foreign ───────┤             a CMake project without one
    toolchain ─────┼─ build      `mvsdk build`: configure (when needed) → ninja → sizes
    doctor ────────┘             `mvsdk doctor`

Import from the rooms: `mvsdk.project.configuration.Project`, `mvsdk.project.build.build`. There is no common face here,
because a command must not pay for the imports of another.
"""

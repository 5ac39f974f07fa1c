# SPDX-License-Identifier: GPL-2.0
"""The layers of the module, and what holds them: calls between folders go down
only; files call each other in no circle, but for those of the interrupt
controllers; a header declares what its file defines; the names of static
functions are unique.

Calls are read out of the object files, so that inline functions and macros
count for what they become. A call through a table of operations is no call
here: that is what the tables are for."""

import collections
import os
import re
import subprocess

# From top to bottom. Folders of one line do not call each other.
ORDER = [("ioctl",), ("vmx", "svm"), ("run",), ("exit",), ("guest",), ("irq",), ("io",), ("vm",),
         ("host",), ("emulate", "mmu"), ("memory",)]
LEVEL = {folder: i for i, names in enumerate(ORDER) for folder in names}
# These have no word of VMs: besides their own and lower folders', only the headers named here.
PURE = {"memory": ("compat.h", "numbers.h", "pure.h", "types.h", "trace.h", "uapi/"),
        "mmu": ("compat.h", "numbers.h", "pure.h", "types.h", "trace.h", "uapi/"),
        "emulate": ("pure.h",)}
# Names of symbols that do not leave their folder begin with these; all others with bellows_.
NOUNS = {
    "ioctl": ("ioctl_", "irq_", "state_", "vcpu_call_"),
    "vmx": ("vmx_", "vmcs_", "vpid_"),
    "svm": ("svm_",),
    "run": ("run_", "vcpu_", "wait_"),
    "exit": ("emulation_", "exit_", "mmio_", "pio_", "task_switch_", "world_"),
    "guest": ("control_", "debug_", "kvmclock_", "msr_"),
    "irq": ("i8254_", "i8259_", "i82093_", "ioapic_", "irqchip_", "irqfds_", "lapic_", "pic_", "pit_",
            "route_", "routes_"),
    "io": ("bus_", "ioeventfd_"),
    "vm": ("vcpu_",),
    "host": ("emergency_",),
    "emulate": ("alu_", "decode_", "emu_", "emulate_", "exec_", "opcode_", "opcodes_", "tss_"),
    "mmu": ("guest_walk_", "mapper_", "pt_", "slot_", "slots_", "view_", "views_"),
    "memory": ("block_", "frame_", "mappers_", "memory_"),
}
# Lines go up to the local APICs, ends of interrupts come down to the lines: the hardware's own circle.
CIRCLE = "irq"
# A folder's one face for all others, and what its files share.
FACES = {"module/mmu/mmu.h", "module/memory/memory.h", "module/vmx/vmx.h", "module/svm/svm.h",
         "module/emulate/emulate.h"}


def folder_of(path):
    """module/irq/apic.c: irq; module/main.c: nothing."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else ""


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def includes(root, files):
    """Headers of higher folders must not be included."""
    bad = []
    for path in files:
        mine = folder_of(path)
        if mine not in LEVEL:
            continue
        for name in re.findall(r'^#include "(.*)"', read(root, path), re.M):
            theirs = name.split("/")[0] if "/" in name else ""
            allowed = name.startswith(PURE.get(mine, ("",))) or theirs == mine
            if mine in PURE and not allowed and (theirs not in LEVEL or mine == "emulate"):
                bad.append("%s includes %s, which is above it" % (path, name))
            elif theirs in LEVEL and theirs != mine and LEVEL[theirs] <= LEVEL[mine]:
                bad.append("%s includes %s, which is above it" % (path, name))
    return bad


def symbols(objects):
    """Of each object: what it defines, and the functions that its code calls."""
    defined, called = {}, {}
    for name, path in objects.items():
        kinds = {}
        out = subprocess.run(["readelf", "-sW", path], capture_output=True, text=True, check=True)
        for line in out.stdout.splitlines():
            w = line.split()
            if len(w) == 8 and w[4] in ("GLOBAL", "WEAK"):
                kinds[w[7]] = w[6] != "UND"
                if w[6] != "UND":
                    defined[w[7]] = name, w[3] == "FUNC"
        out = subprocess.run(["readelf", "-rW", path], capture_output=True, text=True, check=True)
        used, code = set(), False
        for line in out.stdout.splitlines():
            if line.startswith("Relocation section"):
                code = bool(re.search(r"'\.rela(\.\w+)*\.text", line))
            elif code and len(line.split()) > 4:
                used.add(line.split()[4])
        called[name] = {s for s in used if s in kinds and not kinds[s]}
    return defined, called


def objects_below(folder):
    found = {}
    for d, _, names in os.walk(folder):
        for n in names:
            path = os.path.relpath(os.path.join(d, n), folder)
            if n.endswith(".o") and re.match(r"(.*/)?module/", path) and not n.startswith("."):
                found[re.sub(r"^(.*/)?module/", "module/", path)[:-2]] = os.path.join(d, n)
    return found


def circles(graph):
    """Sets of files that reach each other (Tarjan's algorithm, in its short recursive form)."""
    index, low, stack, out = {}, {}, [], []

    def visit(x):
        index[x] = low[x] = len(index)
        stack.append(x)
        for y in graph.get(x, ()):
            if y not in index:
                visit(y)
                low[x] = min(low[x], low[y])
            elif y in stack:
                low[x] = min(low[x], index[y])
        if low[x] == index[x]:
            component = []
            while not component or component[-1] != x:
                component.append(stack.pop())
            if len(component) > 1:
                out.append(sorted(component))
    for x in sorted(graph):
        if x not in index:
            visit(x)
    return out


def calls(folder):
    """Of the module that was built in FOLDER."""
    objects = objects_below(folder)
    if len(objects) < 50:
        return ["only %d objects of the module below %s" % (len(objects), folder)]
    defined, called = symbols(objects)
    bad, graph = [], collections.defaultdict(set)
    for name in sorted(called):
        for symbol in sorted(called[name]):
            target, function = defined.get(symbol, (None, False))
            # The backend's static calls are a table that is patched into the code.
            if not target or target in (name, "module/backend"):
                continue
            mine, theirs = folder_of(name), folder_of(target)
            if function:
                graph[name].add(target)
            if mine in LEVEL and theirs in LEVEL and mine != theirs and LEVEL[theirs] <= LEVEL[mine]:
                bad.append("%s uses %s of %s, which is above it" % (name, symbol, target))
    for circle in circles(graph):
        if any(folder_of(f) != CIRCLE for f in circle):
            bad.append("a circle of calls: " + " ".join(circle))
    return bad


def statements(text):
    """The file's text without comments, bodies and preprocessor lines, cut at semicolons."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
    text = re.sub(r"^#.*?(?<!\\)$", "", text, flags=re.S | re.M)
    depth, out, here = 0, [], ""
    for c in text:
        if c == "{":
            if not depth:
                out.append(here + "{")
                here = ""
            depth += 1
        elif c == "}":
            depth -= 1
        elif not depth:
            if c == ";":
                out.append(here)
                here = ""
            else:
                here += c
    return [" ".join(s.split()) for s in out if s.strip()]


def prototypes(text):
    for s in statements(text):
        m = re.match(r"(?!static|typedef|extern struct|struct \w+ \{)[\w *]+?\b(\w+)\(", s)
        if m and not s.endswith("{") and not m.group(1).isupper():
            yield m.group(1)


def functions(text):
    """(name, static?) of the functions that a source defines."""
    for s in statements(text):
        m = re.match(r"[\w *]+?\b(\w+)\(", s)
        if m and s.endswith(") {") and "=" not in s:
            yield m.group(1), bool(re.search(r"\bstatic\b", s.split("(")[0]))


def headers(root, files):
    """A header declares what the file of its name defines, or is its folder's face."""
    defined = {}
    for path in (f for f in files if f.endswith(".c")):
        for name, static in functions(read(root, path)):
            if not static:
                defined[name] = path
    bad = []
    for path in (f for f in files if f.endswith(".h")):
        for name in prototypes(read(root, path)):
            home = defined.get(name)
            if home and home[:-2] != path[:-2] and not (
                    path in FACES and folder_of(home) == folder_of(path)):
                bad.append("%s declares %s, which %s defines" % (path, name, home))
    return bad if len(defined) > 100 else bad + ["only %d functions found" % len(defined)]


def unique_statics(root, files, allowed):
    """A WARN and ftrace show a static function by its name alone."""
    where = collections.defaultdict(list)
    for path in (f for f in files if f.endswith(".c")):
        for name, _ in functions(read(root, path)):
            where[name].append(path)
    bad = ["%s is a function of %s" % (n, " and ".join(p)) for n, p in sorted(where.items())
           if len(p) > 1 and n not in allowed]
    bad += ["exception without a case: %s" % n for n in sorted(allowed) if len(where.get(n, ())) < 2]
    if len(allowed) > 10:
        bad.append("%d exceptions, at most 10" % len(allowed))
    return bad

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes files as C strings: embed_files.py BASE OUT FILE..."""
import os
import sys

base, out, files = sys.argv[1], sys.argv[2], sys.argv[3:]
with open(out, "w", encoding="utf-8") as c:
    c.write('/* Made by tools/embed_files.py; do not edit. */\n#include "app/cli/demo_files.h"\n\n')
    c.write("const demo_file demo_files[] = {\n")
    for path in files:
        name = os.path.relpath(path, base)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        c.write('\t{"%s",\n' % name)
        for line in text.splitlines(keepends=True):
            escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            c.write('\t "%s"\n' % escaped)
        c.write("\t},\n")
    c.write("\t{0, 0},\n};\n")

"""Which licence a repository is under, and whether that is a permissive one.

What a licence file says first decides: notices about other people's code stand
at the end of many permissive licences and name every licence there is.
"""

import re

PERMISSIVE = (
    ("Apache-2.0", "apache license"),
    ("MIT", "permission is hereby granted, free of charge"),
    ("BSD", "redistribution and use in source and binary forms"),
    ("ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"),
    ("ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee"),
    ("Zlib", "this software is provided 'as-is', without any express or implied warranty"),
    ("Unlicense", "this is free and unencumbered software released into the public domain"),
    ("PSF-2.0", "python software foundation license"),
    ("BSL-1.0", "boost software license"),
)
REFUSED = (
    ("AGPL", "gnu affero"), ("LGPL", "gnu lesser"), ("LGPL", "gnu library"), ("GPL", "gnu general public"), ("GPL", "gnu gpl"),
    ("MPL", "mozilla public license"), ("BUSL", "business source license"), ("SSPL", "server side public"),
    ("Elastic", "elastic license"), ("Commons Clause", "commons clause"), ("FSL", "functional source license"),
    ("Sustainable Use", "sustainable use license"), ("PolyForm", "polyform"), ("EPL", "eclipse public license"),
    ("EUPL", "european union public"), ("CDDL", "common development and distribution"), ("CC", "creative commons"),
)  # fmt: skip
NAME = re.compile(r"^((mit|apache|bsd)[-_.])?(licen[cs]e|copying|unlicense|copyright)", re.IGNORECASE)
NOT_OURS = re.compile(r"third|3rd|notice|dependen|vendor|bundled|\.(go|py|ts|js|rs|c|h|java|svg|png|csv|json)$", re.IGNORECASE)
FOLDER = re.compile(r"^licen[cs]es?$", re.IGNORECASE)  # REUSE and its like


def licence(text):
    """(name, permissive) of the licence a text is, (None, False) when it is none that is known here."""
    flat = re.sub(r"[\s#*]+", " ", text).lower()
    found = [(flat.find(phrase), permissive, name) for permissive, names in ((True, PERMISSIVE), (False, REFUSED)) for name, phrase in names]
    found = sorted((at, permissive, name) for at, permissive, name in found if at >= 0)
    if not found:
        return None, False
    _, permissive, name = found[0]
    if "commons clause" in flat:
        return "Commons Clause", False
    if name == "ISC" and "provided that the above" not in flat:
        name = "0BSD"
    if name == "BSD":
        name = "BSD-3-Clause" if "neither the name" in flat else "BSD-2-Clause"
    return name, permissive


def of_repository(entries, read):
    """(SPDX name, None) of a repository under a permissive licence, otherwise (None, why not).

    entries: [(name, is a folder)] of its top folder; read(path) -> text or None,
    or the names in it where the path is a folder's (ending in /).
    """
    paths = sorted(n for n, folder in entries if not folder and NAME.match(n) and not NOT_OURS.search(n))
    if not paths:
        for folder in sorted(n for n, is_folder in entries if is_folder and FOLDER.match(n)):
            paths += [f"{folder}/{n}" for n in sorted(read(folder + "/") or []) if not NOT_OURS.search(n)]
    names = []
    for path in paths:
        name, permissive = licence(read(path) or "")
        if name and not permissive:
            return None, f"{name} ({path})"
        if name and name not in names:
            names.append(name)
    return (" OR ".join(names), None) if names else (None, "no licence known here" if paths else "no licence file")

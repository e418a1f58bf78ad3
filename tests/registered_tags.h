// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The names of all tags that GStreamer and its tag library register. Nothing lists them, but each is a
// constant of one of these libraries.
#pragma once

#include <gst/gst.h>
#include <gst/tag/tag.h>

#include <link.h>

#include <set>
#include <span>
#include <string>
#include <string_view>

namespace tags
{

inline bool isLetter(char c)
{
    return g_ascii_islower(c) || g_ascii_isdigit(c) || c == '-';
}

// Linkers let a constant be the end of another one.
inline void addThoseIn(std::string_view constants, std::set<std::string> &names)
{
    for (size_t end = constants.find('\0'); end != std::string_view::npos;
         end = constants.find('\0', end + 1)) {
        for (size_t begin = end; begin > 0 && isLetter(constants[begin - 1]); begin--) {
            if (const char *name = &constants[begin - 1]; gst_tag_exists(name))
                names.insert(name);
        }
    }
}

inline int addThoseOf(dl_phdr_info *library, size_t, void *names)
{
    const std::string_view path = library->dlpi_name;
    if (path.find("/libgstreamer-1.0.so") == path.npos && path.find("/libgsttag-1.0.so") == path.npos)
        return 0;
    for (const auto &part : std::span(library->dlpi_phdr, library->dlpi_phnum)) {
        if (part.p_type == PT_LOAD && (part.p_flags & PF_W) == 0)
            addThoseIn({reinterpret_cast<const char *>(library->dlpi_addr + part.p_vaddr), part.p_filesz},
                       *static_cast<std::set<std::string> *>(names));
    }
    return 0;
}

inline std::set<std::string> registered()
{
    gst_tag_register_musicbrainz_tags();
    std::set<std::string> names;
    dl_iterate_phdr(addThoseOf, &names);
    return names;
}

} // namespace tags

/**
 * belfry/export.h - compiler attributes shared by the public headers.
 */
#ifndef BELFRY_EXPORT_H
#define BELFRY_EXPORT_H

/** Marks a public function: visible in the shared library, everything else is hidden. */
#define BELFRY_API __attribute__((visibility("default")))

/** The result says whether the call worked; ignoring it is a warning. */
#define BELFRY_NODISCARD __attribute__((warn_unused_result))

/** Arguments are checked like printf's. */
#define BELFRY_PRINTF(format_index, first_index) \
    __attribute__((format(printf, format_index, first_index)))

#endif

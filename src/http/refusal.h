/*
 * http/refusal.h - why a head or a body is not acceptable: a status and a static text.
 */
#ifndef HTTP_REFUSAL_H
#define HTTP_REFUSAL_H

#include <stdint.h>

struct http_refusal {
    uint16_t status; /* 0: nothing to refuse */
    const char *why;
};

#define HTTP_ACCEPTED ((struct http_refusal){ 0, NULL })
#define HTTP_REFUSE(status, why) ((struct http_refusal){ (status), (why) })

#endif

/*
 * cors.c - origins compared whole (origin.h), the rest as the policy has it.
 */
#include "http/cors.h"

#include "http/field.h"
#include "http/origin.h"
#include "http/response.h"

static bool is_on(const struct cors_policy *policy)
{
    return policy->origins != NULL && policy->origins[0] != '\0';
}

static bool allows_any(const struct cors_policy *policy)
{
    belfry_bytes rest = bytes_of_text(policy->origins);
    belfry_bytes listed;
    while (http_list_next(&rest, &listed))
        if (bytes_equal_text(listed, "*"))
            return true;
    return false;
}

/* An optional text as a field. A bad one in a policy writes nothing. */
static void put_text(struct buf *fields, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        (void)http_response_field(fields, name, bytes_of_text(value));
}

bool cors_is_preflight(const struct cors_policy *policy, const struct http_head *head)
{
    return is_on(policy) && head->method == HTTP_OPTIONS;
}

static void put_origin(const struct cors_policy *policy, const struct http_head *head,
                       struct buf *fields)
{
    belfry_bytes origin;
    if (allows_any(policy)) {
        put_text(fields, "Access-Control-Allow-Origin", "*");
        return;
    }
    if (http_single(head, "Origin", &origin) == HTTP_ONE &&
        http_origin_is_listed(origin, bytes_of_text(policy->origins)))
        (void)http_response_field(fields, "Access-Control-Allow-Origin", origin);
    put_text(fields, "Vary", "Origin"); /* a page of another origin would get another answer */
}

void cors_put_fields(const struct cors_policy *policy, const struct http_head *head,
                     struct buf *fields)
{
    if (!is_on(policy))
        return;
    put_origin(policy, head, fields);
    if (policy->allows_credentials)
        put_text(fields, "Access-Control-Allow-Credentials", "true");
    put_text(fields, "Access-Control-Expose-Headers", policy->exposed);
}

/* What is asked for is allowed, and then caches must know it. */
static void reflect_headers(const struct http_head *head, struct buf *fields)
{
    struct buf wanted = { 0 };
    if (http_join(head, "Access-Control-Request-Headers", &wanted) > 0 && wanted.size > 0)
        (void)http_response_field(fields, "Access-Control-Allow-Headers", buf_bytes(&wanted));
    if (buf_failed(&wanted))
        fields->has_failed = 1;
    buf_deinit(&wanted);
    put_text(fields, "Vary", "Access-Control-Request-Headers");
}

void cors_put_preflight(const struct cors_policy *policy, const struct http_head *head,
                        struct buf *fields)
{
    static const char usual_methods[] = "GET,HEAD,PUT,PATCH,POST,DELETE";
    if (!is_on(policy))
        return;
    put_text(fields, "Access-Control-Allow-Methods",
             policy->methods != NULL ? policy->methods : usual_methods);
    if (policy->headers != NULL)
        put_text(fields, "Access-Control-Allow-Headers", policy->headers);
    else
        reflect_headers(head, fields);
    if (policy->max_age_s > 0)
        buf_printf(fields, "Access-Control-Max-Age: %u\r\n", policy->max_age_s);
}

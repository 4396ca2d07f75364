/*
 * extension.c - from a header value to offers, from an offer to an agreement.
 *
 *     permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate
 *     \______________________________ offer ______________________________/  \____ offer ____/
 *
 * The grammar of RFC 6455 9.1 is read once, left to right; what does not fit it makes the header
 * malformed. What fits it and we cannot do makes its offer unacceptable, and the next is looked at.
 */
#include "ws/extension.h"

#include <stdio.h>

#include "ws/scan.h"

#define WINDOW_BITS_MIN 8
#define WINDOW_BITS_MAX 15

/* One element of the header. Bits are 0 where no value was given. */
struct offer {
    bool is_acceptable;
    bool has_server_no_context_takeover;
    bool has_client_no_context_takeover;
    bool has_server_max_window_bits;
    bool has_client_max_window_bits;
    uint8_t server_max_window_bits;
    uint8_t client_max_window_bits;
};

/* A parameter's value after unquoting. Only window bits have values, so two characters do. */
struct value {
    bool is_given;
    bool is_token;
    size_t size;
    char start[2];
};

static void push_char(struct value *v, char c)
{
    if (v->size < sizeof v->start)
        v->start[v->size] = c;
    v->size++;
    v->is_token = v->is_token && scan_is_token_char(c);
}

/* quoted-string (RFC 9110 5.6.4), after its opening quote. False: never closed, or a control. */
static bool scan_quoted(struct scan *s, struct value *v)
{
    while (!scan_is_done(s)) {
        if (scan_char(s, '"')) {
            v->is_token = v->is_token && v->size > 0;
            return true;
        }
        (void)scan_char(s, '\\'); /* the next character stands for itself */
        if (scan_is_done(s))
            return false;
        char c = *s->at++;
        if (((unsigned char)c < 0x20 && c != '\t') || c == 0x7F)
            return false;
        push_char(v, c);
    }
    return false;
}

static bool scan_value(struct scan *s, struct value *v)
{
    *v = (struct value){ .is_given = true, .is_token = true };
    if (scan_char(s, '"'))
        return scan_quoted(s, v);
    belfry_bytes token;
    if (!scan_token(s, &token))
        return false;
    for (size_t i = 0; i < token.size; i++)
        push_char(v, ((const char *)token.data)[i]);
    return true;
}

/* RFC 7692 7.1.2: a decimal integer without leading zeros, 8 to 15. 0 when it is not. */
static uint8_t window_bits_of(const struct value *v)
{
    if (!v->is_token)
        return 0;
    if (v->size == 1 && (v->start[0] == '8' || v->start[0] == '9'))
        return (uint8_t)(v->start[0] - '0');
    if (v->size == 2 && v->start[0] == '1' && v->start[1] >= '0' && v->start[1] <= '5')
        return (uint8_t)(10 + v->start[1] - '0');
    return 0;
}

static bool take_flag(bool *has, const struct value *v)
{
    bool is_good = !*has && !v->is_given;
    *has = true;
    return is_good;
}

static bool take_bits(bool *has, uint8_t *bits, const struct value *v)
{
    bool is_good = !*has;
    *has = true;
    *bits = v->is_given ? window_bits_of(v) : 0;
    return is_good && (!v->is_given || *bits != 0);
}

/* False: unknown, repeated, or with a value it may not have. */
static bool take_parameter(struct offer *o, belfry_bytes name, const struct value *v)
{
    if (bytes_equal_text(name, "server_no_context_takeover"))
        return take_flag(&o->has_server_no_context_takeover, v);
    if (bytes_equal_text(name, "client_no_context_takeover"))
        return take_flag(&o->has_client_no_context_takeover, v);
    if (bytes_equal_text(name, "server_max_window_bits"))
        return take_bits(&o->has_server_max_window_bits, &o->server_max_window_bits, v) &&
               v->is_given;
    if (bytes_equal_text(name, "client_max_window_bits"))
        return take_bits(&o->has_client_max_window_bits, &o->client_max_window_bits, v);
    return false;
}

/* extension = token *( ";" token [ "=" ( token / quoted-string ) ] ). False: malformed. */
static bool scan_offer(struct scan *s, struct offer *out)
{
    belfry_bytes name;
    *out = (struct offer){ 0 };
    if (!scan_token(s, &name))
        return false;
    out->is_acceptable = bytes_equal_text(name, "permessage-deflate");
    scan_blanks(s);
    while (scan_char(s, ';')) {
        struct value value = { 0 };
        scan_blanks(s);
        if (!scan_token(s, &name))
            return false;
        scan_blanks(s);
        if (scan_char(s, '=')) {
            scan_blanks(s);
            if (!scan_value(s, &value))
                return false;
            scan_blanks(s);
        }
        if (!take_parameter(out, name, &value))
            out->is_acceptable = false;
    }
    return true;
}

/* Lists may have empty elements (RFC 9110 5.6.1.2). */
static void skip_commas(struct scan *s)
{
    do {
        scan_blanks(s);
    } while (scan_char(s, ','));
}

static uint8_t bits_or_max(uint8_t bits)
{
    return bits == 0 ? WINDOW_BITS_MAX : bits;
}

static struct ws_deflate_params agree(const struct ws_deflate_policy *policy, const struct offer *o)
{
    uint8_t client_max = WINDOW_BITS_MAX;
    if (o->has_client_max_window_bits) /* else the client may not be told to use less */
        client_max = BELFRY_MIN(bits_or_max(policy->client_max_window_bits),
                                bits_or_max(o->client_max_window_bits));
    return (struct ws_deflate_params){
        .is_on = true,
        .server_no_context_takeover =
            policy->server_no_context_takeover || o->has_server_no_context_takeover,
        .client_no_context_takeover =
            policy->client_no_context_takeover || o->has_client_no_context_takeover,
        .server_max_window_bits = BELFRY_MIN(bits_or_max(policy->server_max_window_bits),
                                             bits_or_max(o->server_max_window_bits)),
        .client_max_window_bits = client_max,
    };
}

/* The text of offers and responses: a name, and what is not as it would be anyway. */
struct text {
    char *out;
    size_t size;
};

static void put_text(struct text *t, const char *text)
{
    size_t size = strlen(text);
    BELFRY_ASSERT(t->size + size < WS_DEFLATE_TEXT_MAX);
    memcpy(t->out + t->size, text, size + 1);
    t->size += size;
}

static void put_bits(struct text *t, const char *name, unsigned bits)
{
    char digits[16];
    (void)snprintf(digits, sizeof digits, "=%u", bits); /* fits */
    put_text(t, name);
    put_text(t, digits);
}

static void write_response(struct ws_deflate_params p, const struct offer *o, char *out)
{
    struct text t = { .out = out };
    put_text(&t, "permessage-deflate");
    if (p.server_no_context_takeover)
        put_text(&t, "; server_no_context_takeover");
    if (p.client_no_context_takeover)
        put_text(&t, "; client_no_context_takeover");
    /* RFC 7692 7.1.2.1: an offer with the parameter is accepted by answering it. */
    if (o->has_server_max_window_bits || p.server_max_window_bits < WINDOW_BITS_MAX)
        put_bits(&t, "; server_max_window_bits", p.server_max_window_bits);
    if (p.client_max_window_bits < WINDOW_BITS_MAX)
        put_bits(&t, "; client_max_window_bits", p.client_max_window_bits);
}

enum ws_negotiation ws_deflate_negotiate(const struct ws_deflate_policy *policy,
                                         belfry_bytes extensions,
                                         struct ws_deflate_params *out_params,
                                         char out_response[WS_DEFLATE_TEXT_MAX])
{
    struct scan s = scan_of(extensions);
    struct offer chosen = { 0 };
    for (skip_commas(&s); !scan_is_done(&s); skip_commas(&s)) {
        struct offer offer;
        if (!scan_offer(&s, &offer))
            return WS_EXTENSIONS_MALFORMED;
        if (!scan_is_done(&s) && *s.at != ',')
            return WS_EXTENSIONS_MALFORMED;
        if (offer.is_acceptable && !chosen.is_acceptable)
            chosen = offer;
    }
    if (!chosen.is_acceptable)
        return WS_EXTENSIONS_NONE;
    *out_params = agree(policy, &chosen);
    write_response(*out_params, &chosen, out_response);
    return WS_EXTENSIONS_DEFLATE;
}

size_t ws_deflate_offer_write(const struct ws_deflate_policy *policy,
                              char out_offer[WS_DEFLATE_TEXT_MAX])
{
    struct text t = { .out = out_offer };
    uint8_t server_bits = bits_or_max(policy->server_max_window_bits);
    uint8_t client_bits = bits_or_max(policy->client_max_window_bits);
    put_text(&t, "permessage-deflate");
    if (policy->server_no_context_takeover)
        put_text(&t, "; server_no_context_takeover");
    if (policy->client_no_context_takeover)
        put_text(&t, "; client_no_context_takeover");
    if (server_bits < WINDOW_BITS_MAX)
        put_bits(&t, "; server_max_window_bits", server_bits);
    if (client_bits < WINDOW_BITS_MAX)
        put_bits(&t, "; client_max_window_bits", client_bits);
    else
        put_text(&t, "; client_max_window_bits");
    return t.size;
}

/* RFC 7692 7.1: does the response grant what was asked for, and ask for no more than was offered?
 */
static bool is_answer_to(const struct ws_deflate_policy *policy, const struct offer *response)
{
    uint8_t server_bits = bits_or_max(policy->server_max_window_bits);
    uint8_t client_bits = bits_or_max(policy->client_max_window_bits);
    if (!response->is_acceptable)
        return false;
    if (policy->server_no_context_takeover && !response->has_server_no_context_takeover)
        return false;
    if (bits_or_max(response->server_max_window_bits) > server_bits)
        return false;
    if (!response->has_client_max_window_bits)
        return true;
    return response->client_max_window_bits != 0 && response->client_max_window_bits <= client_bits;
}

bool ws_deflate_confirm(const struct ws_deflate_policy *policy, belfry_bytes extensions,
                        struct ws_deflate_params *out_params)
{
    struct scan s = scan_of(extensions);
    skip_commas(&s);
    if (scan_is_done(&s)) {
        *out_params = (struct ws_deflate_params){ 0 };
        return true;
    }
    struct offer response;
    if (!scan_offer(&s, &response))
        return false;
    skip_commas(&s); /* a second element was not offered */
    if (!scan_is_done(&s) || !is_answer_to(policy, &response))
        return false;
    uint8_t client_bits = response.client_max_window_bits;
    *out_params = (struct ws_deflate_params){
        .is_on = true,
        .server_no_context_takeover = response.has_server_no_context_takeover,
        .client_no_context_takeover =
            policy->client_no_context_takeover || response.has_client_no_context_takeover,
        .server_max_window_bits = bits_or_max(response.server_max_window_bits),
        .client_max_window_bits =
            client_bits != 0 ? client_bits : bits_or_max(policy->client_max_window_bits),
    };
    return true;
}

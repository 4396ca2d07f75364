/*
 * fuzz_ws_extension.c - whatever is offered, our answer is one that a client may take, and says
 * what we do.
 */
#include "ws/extension.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct ws_deflate_policy policy = {
        .server_no_context_takeover = data[0] & 1,
        .client_no_context_takeover = data[0] & 2,
        .server_max_window_bits = data[0] & 4 ? 9 + (data[0] >> 5) % 7 : 0,
        .client_max_window_bits = data[0] & 8 ? 9 + (data[0] >> 5) % 7 : 0,
    };
    struct ws_deflate_params ours, theirs;
    char response[WS_DEFLATE_TEXT_MAX];
    if (ws_deflate_negotiate(&policy, bytes_of(data + 1, size - 1), &ours, response) !=
        WS_EXTENSIONS_DEFLATE)
        return 0;
    struct ws_deflate_policy anything = { 0 };
    BELFRY_ASSERT(ws_deflate_confirm(&anything, bytes_of_text(response), &theirs));
    BELFRY_ASSERT(ours.is_on && theirs.is_on);
    BELFRY_ASSERT(ours.server_no_context_takeover == theirs.server_no_context_takeover);
    BELFRY_ASSERT(ours.client_no_context_takeover == theirs.client_no_context_takeover);
    BELFRY_ASSERT(ours.server_max_window_bits == theirs.server_max_window_bits);
    BELFRY_ASSERT(ours.client_max_window_bits == theirs.client_max_window_bits);
    return 0;
}

/*
 * test_mask.c - every alignment, phase and length against the formula of RFC 6455 5.3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ws/mask.h"

#define LONGEST 300

static const uint8_t key[4] = { 0x37, 0xFA, 0x21, 0x3D };

static uint32_t key_as_loaded(void)
{
    uint32_t loaded;
    memcpy(&loaded, key, sizeof loaded);
    return loaded;
}

static void check_mask(size_t offset, size_t phase, size_t size)
{
    uint8_t memory[LONGEST + 64], want[LONGEST];
    memset(memory, 0xEE, sizeof memory);
    for (size_t i = 0; i < size; i++) {
        memory[offset + i] = (uint8_t)(i * 7 + size);
        want[i] = memory[offset + i] ^ key[(i + phase) % 4];
    }
    ws_mask(memory + offset, size, key_as_loaded(), phase);
    if (memcmp(memory + offset, want, size) != 0)
        fail_msg("offset %zu, phase %zu, size %zu", offset, phase, size);
    for (size_t i = 0; i < sizeof memory; i++) {
        if ((i < offset || i >= offset + size) && memory[i] != 0xEE)
            fail_msg("offset %zu, phase %zu, size %zu: byte %zu changed", offset, phase, size, i);
    }
}

static void test_every_alignment_phase_and_length(void **state)
{
    (void)state;
    for (size_t offset = 0; offset < 33; offset++) {
        for (size_t phase = 0; phase < 6; phase++) {
            for (size_t size = 0; size <= LONGEST; size++)
                check_mask(offset, phase, size);
        }
    }
}

/* One byte above ASCII must be seen wherever it is; none must not be imagined. */
static void test_ascii_is_told_from_the_rest(void **state)
{
    (void)state;
    for (size_t size = 0; size <= LONGEST; size++) {
        for (size_t high = 0; high <= size; high++) { /* high == size: none */
            uint8_t text[LONGEST];
            for (size_t i = 0; i < size; i++)
                text[i] = (uint8_t)((i == high ? 0x80 : 'a') ^ key[i % 4]);
            if (ws_mask_is_ascii(text, size, key_as_loaded(), 0) != (high == size))
                fail_msg("size %zu, byte %zu", size, high);
        }
    }
}

static void test_masking_in_pieces_is_masking_at_once(void **state)
{
    (void)state;
    for (size_t cut = 0; cut <= 200; cut++) {
        uint8_t whole[200], pieces[200];
        for (size_t i = 0; i < sizeof whole; i++)
            whole[i] = pieces[i] = (uint8_t)(i * 13);
        ws_mask(whole, sizeof whole, key_as_loaded(), 0);
        ws_mask(pieces, cut, key_as_loaded(), 0);
        ws_mask(pieces + cut, sizeof pieces - cut, key_as_loaded(), cut);
        assert_memory_equal(whole, pieces, sizeof whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_alignment_phase_and_length),
        cmocka_unit_test(test_ascii_is_told_from_the_rest),
        cmocka_unit_test(test_masking_in_pieces_is_masking_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

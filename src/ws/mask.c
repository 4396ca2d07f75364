/*
 * mask.c - XOR with a repeating 4-byte key, 32 or 16 bytes a step.
 *
 *     payload  |====|====|====|====|===|      steps from the front
 *                             |====|====|     the last step ends at the end: it overlaps the one
 *                                             before, so it is loaded before that one is stored
 *
 * Rotating the key by the phase once makes every step of a multiple of four bytes use the same
 * vector; the overlapping last step has its own. Beside the XOR the steps gather the OR of all
 * that came out, whose top bits say whether it was ASCII.
 */
#include "ws/mask.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

#define HIGH_BITS 0x8080808080808080u

/* The key as seen from @phase bytes further on. */
static uint32_t rotate_key(uint32_t key, size_t phase)
{
    unsigned bits = (unsigned)(phase & 3) * 8;
    if (bits == 0)
        return key;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return key >> bits | key << (32 - bits);
#else
    return key << bits | key >> (32 - bits);
#endif
}

static uint64_t double_key(uint32_t key)
{
    return (uint64_t)key << 32 | key;
}

static uint64_t load64(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static void store64(uint8_t *at, uint64_t word)
{
    memcpy(at, &word, sizeof word);
}

/* 0..7 bytes. Returns the OR of what came out. */
static uint64_t mask_bytes(uint8_t *data, size_t size, uint32_t key)
{
    uint8_t bytes[4], seen = 0;
    memcpy(bytes, &key, sizeof bytes);
    for (size_t i = 0; i < size; i++) {
        data[i] ^= bytes[i & 3];
        seen |= data[i];
    }
    return seen;
}

/* 8 bytes or more. */
static uint64_t mask_words(uint8_t *data, size_t size, uint32_t key)
{
    uint64_t wide = double_key(key), seen = 0;
    size_t last = size - 8;
    uint64_t tail = load64(data + last) ^ double_key(rotate_key(key, last));
    for (size_t i = 0; i < last; i += 8) {
        uint64_t word = load64(data + i) ^ wide;
        seen |= word;
        store64(data + i, word);
    }
    store64(data + last, tail);
    return seen | tail;
}

#ifdef __SSE2__

/* 16 bytes or more. */
static uint64_t mask_sse2(uint8_t *data, size_t size, uint32_t key)
{
    __m128i wide = _mm_set1_epi32((int)key);
    size_t last = size - 16;
    __m128i tail = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(data + last)),
                                 _mm_set1_epi32((int)rotate_key(key, last)));
    __m128i seen = tail;
    for (size_t i = 0; i < last; i += 16) {
        __m128i block = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(data + i)), wide);
        seen = _mm_or_si128(seen, block);
        _mm_storeu_si128((__m128i *)(data + i), block);
    }
    _mm_storeu_si128((__m128i *)(data + last), tail);
    return _mm_movemask_epi8(seen) != 0 ? HIGH_BITS : 0;
}

/* 64 bytes or more, on a machine that has AVX2. */
__attribute__((target("avx2"))) static uint64_t mask_avx2(uint8_t *data, size_t size, uint32_t key)
{
    __m256i wide = _mm256_set1_epi32((int)key);
    size_t last = size - 64;
    __m256i last_wide = _mm256_set1_epi32((int)rotate_key(key, last));
    __m256i tail_a =
        _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(data + last)), last_wide);
    __m256i tail_b =
        _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(data + last + 32)), last_wide);
    __m256i seen = _mm256_or_si256(tail_a, tail_b);
    for (size_t i = 0; i < last; i += 64) {
        __m256i *at = (__m256i *)(data + i);
        __m256i a = _mm256_xor_si256(_mm256_loadu_si256(at), wide);
        __m256i b = _mm256_xor_si256(_mm256_loadu_si256(at + 1), wide);
        seen = _mm256_or_si256(seen, _mm256_or_si256(a, b));
        _mm256_storeu_si256(at, a);
        _mm256_storeu_si256(at + 1, b);
    }
    _mm256_storeu_si256((__m256i *)(data + last), tail_a);
    _mm256_storeu_si256((__m256i *)(data + last + 32), tail_b);
    return _mm256_movemask_epi8(seen) != 0 ? HIGH_BITS : 0;
}

static uint64_t mask_vectors(uint8_t *data, size_t size, uint32_t key)
{
    if (size >= 128 && __builtin_cpu_supports("avx2"))
        return mask_avx2(data, size, key);
    return mask_sse2(data, size, key);
}

#else

static uint64_t mask_vectors(uint8_t *data, size_t size, uint32_t key)
{
    return mask_words(data, size, key);
}

#endif

bool ws_mask_is_ascii(uint8_t *data, size_t size, uint32_t key, size_t phase)
{
    key = rotate_key(key, phase);
    uint64_t seen = size >= 16  ? mask_vectors(data, size, key)
                    : size >= 8 ? mask_words(data, size, key)
                                : mask_bytes(data, size, key);
    return (seen & HIGH_BITS) == 0;
}

void ws_mask(uint8_t *data, size_t size, uint32_t key, size_t phase)
{
    (void)ws_mask_is_ascii(data, size, key, phase); /* the OR costs nothing beside the memory */
}

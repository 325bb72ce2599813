/* Included before every C++ file of llama.cpp (bots/install.py).
 *
 * GCC tells its optimiser that loading the configuration of the AMX tiles reads 8 of its 64 bytes, so the stores of the
 * others are dropped and the first prompt dies of a protection fault (ggml-org/llama.cpp issue 20824, seen with GCC 12.2).
 * Here it reads them all. The name below stays in the library, for models/llama to see that it was built so.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__cplusplus)
#include <immintrin.h>
#undef _tile_loadconfig
#define _tile_loadconfig(config) __asm__ volatile("ldtilecfg %0" : : "m"(*(const char(*)[64])(config)))
__attribute__((used)) static const char kefu_tiles[] = "kefu: AMX tiles are configured whole";
#endif

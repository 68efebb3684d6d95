// The model of tiles against plain arithmetic, products by tiles against other instruction sets, and where the
// processor has tiles, model and tiles against each other.

#include <cstring>

#include "kernels/tile_model.h"
#include "precisions.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace embedpipe::testing {

namespace {

constexpr int kRounds = 4000;  // of 256 outputs: a million products of 32 or 64 numbers each

using Random = std::mt19937;

float from_bits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

// Numbers of a round: all of a size, of any size, around the least normal number, and now and then any bits at all,
// infinite and undefined ones among them.
float draw(int round, Random& random) {
  const uint32_t bits = static_cast<uint32_t>(random());
  if (round % 4 == 1) return from_bits((bits & 0x807FFFFF) | static_cast<uint32_t>(random() % 255) << 23);
  if (round % 4 == 2) return from_bits((bits & 0x807FFFFF) | static_cast<uint32_t>(60 + random() % 8) << 23);
  if (round % 4 == 3 && random() % 64 == 0) return from_bits(bits | (random() % 2 ? 0x7F800000u : 0u));
  return from_bits((bits & 0x807FFFFF) | static_cast<uint32_t>(120 + random() % 8) << 23);
}

struct Operands {
  Operands(int round, Random& random) {
    for (uint16_t& x : a) x = static_cast<uint16_t>(bits_of(draw(round, random)) >> 16);
    for (uint16_t& x : b) x = static_cast<uint16_t>(bits_of(draw(round, random)) >> 16);
    for (float& x : c) x = round % 4 == 2 ? from_bits(bits_of(draw(1, random)) & 0x80FFFFFF) : draw(round, random);
  }
  uint16_t a[512], b[512];  // b as the instruction takes it: pairs of k, next to each other
  float c[256];
};

float widened(uint16_t x) { return from_bits(static_cast<uint32_t>(x) << 16); }

bool same(float x, float y) { return bits_of(x) == bits_of(y) || (std::isnan(x) && std::isnan(y)); }

void multiply_by_model(const Operands& from, float* out) {
  model_load(0, from.c, 64);
  model_load(4, from.a, 64);
  model_load(6, from.b, 64);
  model_tdpbf16ps(0, 4, 6);
  model_store(0, out, 64);
}

#if defined(__x86_64__)
// The same by the processor's own multiply-add, which the thread is told to treat denormal numbers as zeros with.
__attribute__((target("fma"))) void multiply_by_processor(const Operands& from, float* out) {
  const unsigned before = _mm_getcsr();
  _mm_setcsr(0x1F80 | 0x8040);
  for (int m = 0; m < 16; ++m) {
    for (int n = 0; n < 16; ++n) {
      __m128 sums[2] = {_mm_setzero_ps(), _mm_setzero_ps()};
      for (int k = 0; k < 32; ++k) {
        const __m128 x = _mm_set_ss(widened(from.a[m * 32 + k]));
        const __m128 w = _mm_set_ss(widened(from.b[k / 2 * 32 + 2 * n + k % 2]));
        sums[k % 2] = _mm_fmadd_ss(x, w, sums[k % 2]);
      }
      out[m * 16 + n] = _mm_cvtss_f32(_mm_add_ss(_mm_set_ss(from.c[m * 16 + n]), _mm_add_ss(sums[0], sums[1])));
    }
  }
  _mm_setcsr(before);
}
#endif

}  // namespace

TEST(the_model_of_bfloat16_tiles_is_plain_arithmetic_without_denormal_numbers) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("fma")) return;
  Random random(1);
  int differ = 0, undefined = 0, zeros = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Operands operands(round, random);
    float model[256], processor[256];
    multiply_by_model(operands, model);
    multiply_by_processor(operands, processor);
    for (int i = 0; i < 256; ++i) {
      differ += !same(model[i], processor[i]);
      undefined += std::isnan(model[i]);
      zeros += model[i] == 0.f;
    }
  }
  check(differ == 0, std::to_string(differ) + " of a million differ");
  check(undefined > 1000 && undefined < 500000 && zeros > 1000, "what is undefined or flushed occurs");
#endif
}

// A result just below the least normal number: zero if it would be denormal with an exponent of any size.
TEST(the_model_of_tiles_flushes_what_rounds_up_to_the_least_normal_number_only_if_it_is_smaller_itself) {
  const float least = from_bits(0x00800000);
  for (const double by : {0x1p-150, 0x1.8p-151, 0x1p-151, 0x1p-152}) {
    const float a = static_cast<float>(std::ldexp(by, 75)), b = -0x1p-75f;  // whose product no float32 holds
    const double exact = static_cast<double>(least) - by;
    const float expected = exact < static_cast<double>(least) - 0x1p-151 ? 0.f : least;
    check(model_fused(a, b, least) == expected, "below by " + std::to_string(std::ilogb(by)));
    check(model_fused(a, -b, -least) == -expected, "above by " + std::to_string(std::ilogb(by)));
  }
}

TEST(the_model_of_int8_tiles_is_exact) {
  Random random(2);
  for (int round = 0; round < kRounds / 40; ++round) {
    uint8_t a[16][64];
    int8_t b[16][64];
    int32_t c[16][16], found[16][16];
    for (int i = 0; i < 1024; ++i) {
      a[i / 64][i % 64] = static_cast<uint8_t>(round % 8 == 0 ? 255 : random());
      b[i / 64][i % 64] = static_cast<int8_t>(round % 8 == 0 ? -128 : static_cast<int>(random()));
      c[i / 64][i % 16] = static_cast<int32_t>(random());
    }
    model_load(1, c, 64);
    model_load(2, a, 64);
    model_load(3, b, 64);
    model_tdpbusd(1, 2, 3);
    model_store(1, found, 64);
    bool right = true;
    for (int m = 0; m < 16; ++m) {
      for (int n = 0; n < 16; ++n) {
        int64_t sum = c[m][n];
        for (int k = 0; k < 64; ++k) sum += int64_t{a[m][k]} * b[k / 4][4 * n + k % 4];
        right &= found[m][n] == static_cast<int32_t>(sum);
      }
    }
    check(right, "round " + std::to_string(round));
  }
}

TEST(int8_by_tiles_gives_the_bits_of_vectors_with_fused_multiply_adds) {
  const Table model = tables("int8").back();
  if (std::string(tile_model().kernels->name) == "portable") return;  // whose multiply-adds round twice
  for (const Table& table : tables("int8")) {
    if (table.name.find("portable") != std::string::npos) continue;
    for (const Index rows : {1, 16, 17, 32, 33, 70}) {
      for (const Index depth : {1, 63, 64, 128, 130, 512, 640, 1100}) {
        const Weights w(70, depth, 81);
        const Matrix x(rows, depth, depth, 82u);
        for (const Index block : {kRangeBlock, kAttentionRangeBlock, Index{64}}) {
          check(product(*table.products, x, w.view, block) == product(*model.products, x, w.view, block),
                label(table.name.c_str(), "", {rows, depth, block}));
        }
      }
    }
  }
}

TEST(tiles_give_the_bits_of_their_model) {
  for (const InstructionSet& set : instruction_sets()) {
    if (!set.tiles) continue;
    Random random(3);
    for (const char* precision : {"int8", "bfloat16"}) {
      const Products &tiles = set.products(precision), &model = tile_model().products(precision);
      int differ = 0;
      for (int round = 0; round < 4 * kRounds / 250; ++round) {  // of 16,000 products each
        const Index depth = 1 + static_cast<Index>(random() % 1100);
        Weights w(160, depth, static_cast<unsigned>(round));
        Matrix x(100, depth, depth, 0.f);
        for (float& value : x.values) value = draw(round, random);
        for (float& value : w.weight) value = draw(round == 3 ? 0 : round, random);
        const std::vector<float> found = product(tiles, x, w.view), expected = product(model, x, w.view);
        for (size_t i = 0; i < found.size(); ++i) differ += !same(found[i], expected[i]);
      }
      check(differ == 0, std::string(precision) + ": " + std::to_string(differ) + " of a million differ");
    }
  }
}

}  // namespace embedpipe::testing

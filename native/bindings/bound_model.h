// A model's weights as Python hands them over: arrays of declared type and rank, never converted or copied.
#pragma once

#include <nanobind/ndarray.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/encoder.h"

namespace embedpipe::bindings {

template <class Scalar, int Rank>
using Array = nanobind::ndarray<const Scalar, nanobind::ndim<Rank>, nanobind::c_contig, nanobind::device::cpu>;
using Matrix = Array<float, 2>;
using AnyOrderMatrix = nanobind::ndarray<const float, nanobind::ndim<2>, nanobind::device::cpu>;
using Vector = Array<float, 1>;

inline void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(std::string("encoder: ") + what);
}

struct BoundLinear {
  AnyOrderMatrix weight;
  Vector bias;

  LinearView view() const {
    return {weight.data(),
            bias.data(),
            static_cast<Index>(weight.shape(0)),
            static_cast<Index>(weight.shape(1)),
            static_cast<Index>(weight.stride(0)),
            static_cast<Index>(weight.stride(1))};
  }
};

struct BoundLayerNorm {
  Vector weight, bias;
  float epsilon;

  LayerNormWeights view() const { return {weight.data(), bias.data(), epsilon}; }
};

struct BoundLayer {
  BoundLinear query, key, value, attention_output;
  BoundLayerNorm attention_norm;
  BoundLinear intermediate, output;
  BoundLayerNorm output_norm;

  LayerView view() const {
    return {query.view(),        key.view(),    value.view(),          attention_output.view(),
            intermediate.view(), output.view(), attention_norm.view(), output_norm.view()};
  }
};

// A model's weights as they come, checked, with the arrays whose memory the view refers to.
class BoundModel {
 public:
  BoundModel(Index hidden, Index heads, const std::string& activation, Matrix words, Matrix positions, Matrix types,
             const BoundLayerNorm& embedding_norm, std::optional<BoundLinear> projection,
             const std::vector<BoundLayer>& layers, std::vector<int> schedule, std::optional<BoundLinear> pooler);

  Index packed_size(const std::string& isa, const std::string& precision) const;
  const EncoderView& view() const { return view_; }
  const Matrix& words() const { return words_; }
  const Matrix& positions() const { return positions_; }
  const Matrix& types() const { return types_; }

 private:
  Matrix words_, positions_, types_;
  BoundLayerNorm embedding_norm_;
  std::optional<BoundLinear> projection_;
  std::vector<BoundLayer> layers_;
  std::optional<BoundLinear> pooler_;
  EncoderView view_{};
};

}  // namespace embedpipe::bindings

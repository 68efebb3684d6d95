// What the kernels and the engine must compute, in double precision and in the plainest loops: the tests' own standard.
#pragma once

#include <cmath>
#include <vector>

#include "engine/encoder.h"

namespace embedpipe::testing {

using Doubles = std::vector<double>;

inline double gelu(double x, Activation activation) {
  if (activation == Activation::kGeluErf) return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

// x (rows, inputs) -> (rows, outputs)
inline Doubles linear(const Doubles& x, const LinearView& w) {
  const size_t inputs = static_cast<size_t>(w.inputs), outputs = static_cast<size_t>(w.outputs);
  const size_t rows = x.size() / inputs;
  Doubles y(rows * outputs);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t o = 0; o < outputs; ++o) {
      double sum = w.bias[o];
      for (size_t i = 0; i < inputs; ++i) {
        const Index place = static_cast<Index>(o) * w.output_stride + static_cast<Index>(i) * w.input_stride;
        sum += x[r * inputs + i] * w.weight[place];
      }
      y[r * outputs + o] = sum;
    }
  }
  return y;
}

inline void layer_norm(Doubles& x, size_t size, const LayerNormWeights& norm) {
  for (size_t start = 0; start < x.size(); start += size) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < size; ++i) mean += x[start + i] / static_cast<double>(size);
    for (size_t i = 0; i < size; ++i)
      variance += (x[start + i] - mean) * (x[start + i] - mean) / static_cast<double>(size);
    for (size_t i = 0; i < size; ++i) {
      x[start + i] = (x[start + i] - mean) / std::sqrt(variance + norm.epsilon) * norm.weight[i] + norm.bias[i];
    }
  }
}

// q, k, v (length, hidden) -> (length, hidden)
inline Doubles attention(const Doubles& q, const Doubles& k, const Doubles& v, size_t hidden, size_t heads) {
  const size_t length = q.size() / hidden, size = hidden / heads;
  Doubles out(q.size());
  for (size_t head = 0; head < heads; ++head) {
    for (size_t i = 0; i < length; ++i) {
      Doubles weights(length);
      double largest = -1e300, total = 0;
      for (size_t j = 0; j < length; ++j) {
        for (size_t d = head * size; d < (head + 1) * size; ++d) weights[j] += q[i * hidden + d] * k[j * hidden + d];
        weights[j] /= std::sqrt(static_cast<double>(size));
        largest = std::fmax(largest, weights[j]);
      }
      for (double& w : weights) total += w = std::exp(w - largest);
      for (size_t j = 0; j < length; ++j) {
        for (size_t d = head * size; d < (head + 1) * size; ++d)
          out[i * hidden + d] += weights[j] / total * v[j * hidden + d];
      }
    }
  }
  return out;
}

inline Doubles encode(const EncoderView& e, const std::vector<int32_t>& ids) {
  const size_t size = static_cast<size_t>(e.tables.size), hidden = static_cast<size_t>(e.hidden);
  Doubles x(ids.size() * size);
  for (size_t p = 0; p < ids.size(); ++p) {
    for (size_t i = 0; i < size; ++i) {
      x[p * size + i] = static_cast<double>(e.tables.words[static_cast<size_t>(ids[p]) * size + i]) +
                        e.tables.positions[p * size + i] + e.tables.types[i];
    }
  }
  layer_norm(x, size, e.embedding_norm);
  if (e.embedding_projection) x = linear(x, *e.embedding_projection);
  for (const int index : e.schedule) {
    const LayerView& layer = e.layers[static_cast<size_t>(index)];
    const Doubles context = attention(linear(x, layer.query), linear(x, layer.key), linear(x, layer.value), hidden,
                                      static_cast<size_t>(e.heads));
    const Doubles attended = linear(context, layer.attention_output);
    for (size_t i = 0; i < x.size(); ++i) x[i] += attended[i];
    layer_norm(x, hidden, layer.attention_norm);
    Doubles middle = linear(x, layer.intermediate);
    for (double& value : middle) value = gelu(value, e.activation);
    const Doubles output = linear(middle, layer.output);
    for (size_t i = 0; i < x.size(); ++i) x[i] += output[i];
    layer_norm(x, hidden, layer.output_norm);
  }
  return x;
}

}  // namespace embedpipe::testing

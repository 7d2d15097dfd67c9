// Convolution with any boundary and its adjoint, as correlations of extended images with the taps that are not zero.
#pragma once

#include "kernels/launch.h"
#include "operators/operator.h"
#include "tensor/scratch.h"

namespace latino {

/// y = A x: a true convolution, then every factor-th pixel. The boundary is applied first, by copying the image into a frame that every
/// tap can read; the adjoint folds such a frame back. Of a motion kernel's taps most are zero, and cost nothing.
///
/// Everything here that takes pointers runs inside tasks that name tensors() among their inputs.
class FramedConvolution {
 public:
  FramedConvolution(const std::shared_ptr<Device>& device, const Taps& taps, std::int64_t height, std::int64_t width, std::int64_t factor,
                    Boundary boundary);

  std::vector<Tensor> tensors() const;

  /// `planes` planes [H, W] to [H / factor, W / factor]; T is float or double.
  template <class T>
  void forward(Device& device, std::int64_t planes, const T* x, T* y) const {
    const std::int64_t height = height_, width = width_, frameH = height + tapRows_ - 1, frameW = width + tapColumns_ - 1;
    const Scratch frame = scratch<T>(device, planes * frameH * frameW);
    T* extended = reinterpret_cast<T*>(frame.data());
    const auto *rows = rowSources_.data<std::int64_t>(), *columns = columnSources_.data<std::int64_t>();
    forEach(device, planes * frameH * frameW, [=] LATINO_HOST_DEVICE(std::int64_t i) {
      const std::int64_t column = columns[i % frameW], row = rows[i / frameW % frameH], plane = i / (frameW * frameH);
      extended[i] = row < 0 || column < 0 ? 0 : x[(plane * height + row) * width + column];
    });
    correlate(device, planes, {frameH, frameW}, {height / factor_, width / factor_}, factor_, forwardOffsets_.data<std::int64_t>(),
              static_cast<const T*>(extended), y);
  }

  template <class T>
  void adjoint(Device& device, std::int64_t planes, const T* y, T* x) const {
    const std::int64_t height = height_, width = width_, factor = factor_, coarseH = height / factor, coarseW = width / factor;
    const std::int64_t top = tapRows_ - 1, left = tapColumns_ - 1, frameH = height + top, frameW = width + left;
    const std::int64_t paddedH = frameH + top, paddedW = frameW + left;
    const Scratch stuffed = scratch<T>(device, planes * paddedH * paddedW), frame = scratch<T>(device, planes * frameH * frameW);
    T *padded = reinterpret_cast<T*>(stuffed.data()), *spread = reinterpret_cast<T*>(frame.data());
    forEach(device, planes * paddedH * paddedW, [=] LATINO_HOST_DEVICE(std::int64_t i) {
      const std::int64_t column = i % paddedW - left, row = i / paddedW % paddedH - top, plane = i / (paddedW * paddedH);
      const bool measured =
          row >= 0 && column >= 0 && row % factor == 0 && column % factor == 0 && row < coarseH * factor && column < coarseW * factor;
      padded[i] = measured ? y[(plane * coarseH + row / factor) * coarseW + column / factor] : 0;
    });
    correlate(device, planes, {paddedH, paddedW}, {frameH, frameW}, 1, adjointOffsets_.data<std::int64_t>(), static_cast<const T*>(padded),
              spread);
    const auto *rowStarts = rowFold_.starts.data<std::int64_t>(), *rowReads = rowFold_.reads.data<std::int64_t>();
    const auto *columnStarts = columnFold_.starts.data<std::int64_t>(), *columnReads = columnFold_.reads.data<std::int64_t>();
    forEach(device, planes * height * width, [=] LATINO_HOST_DEVICE(std::int64_t i) {
      const std::int64_t column = i % width, row = i / width % height, plane = i / (width * height);
      T sum = 0;
      for (std::int64_t r = rowStarts[row]; r < rowStarts[row + 1]; ++r) {
        const T* line = spread + (plane * frameH + rowReads[r]) * frameW;
        for (std::int64_t c = columnStarts[column]; c < columnStarts[column + 1]; ++c) sum += line[columnReads[c]];
      }
      x[i] = sum;
    });
  }

  struct Extent {
    std::int64_t height, width;
  };

  /// out[i, j] = sum over the taps of weight · in[step i, step j + offset]. (Public, as nvcc asks of every function with a kernel in it.)
  template <class T>
  void correlate(Device& device, std::int64_t planes, Extent from, Extent to, std::int64_t step, const std::int64_t* offsets, const T* in,
                 T* out) const {
    const float* weights = weights_.data<float>();
    const std::int64_t taps = weights_.size(), blocks = (to.width + kBlock - 1) / kBlock;
    forEach(
        device, planes * to.height * blocks,
        [=] LATINO_HOST_DEVICE(std::int64_t i) {
          const std::int64_t first = i % blocks * kBlock, row = i / blocks % to.height, plane = i / (blocks * to.height);
          const T* source = in + (plane * from.height + step * row) * from.width + step * first;
          T* target = out + (plane * to.height + row) * to.width + first;
          if (step == 1 && first + kBlock <= to.width) {
            T sums[kBlock] = {};
            for (std::int64_t t = 0; t < taps; ++t) {
              const T weight = weights[t], *read = source + offsets[t];
              for (std::int64_t c = 0; c < kBlock; ++c) sums[c] += weight * read[c];
            }
            for (std::int64_t c = 0; c < kBlock; ++c) target[c] = sums[c];
            return;
          }
          for (std::int64_t c = 0; c < kBlock && first + c < to.width; ++c) {
            T sum = 0;
            for (std::int64_t t = 0; t < taps; ++t) sum += weights[t] * source[offsets[t] + step * c];
            target[c] = sum;
          }
        },
        64);
  }

 private:
  /// Neighbouring outputs that share the loads of the taps and fill vector registers.
  static constexpr std::int64_t kBlock = 16;

  /// For each pixel of an axis, the positions of the frame that show it.
  struct Fold {
    Tensor starts, reads;  // i64
  };
  static Fold foldOf(const std::shared_ptr<Device>& device, std::int64_t n, const std::vector<std::int64_t>& sources);

  template <class T>
  static Scratch scratch(Device& device, std::int64_t count) {
    return Scratch(device, count * static_cast<std::int64_t>(sizeof(T) / sizeof(float)));
  }

  std::int64_t height_, width_, factor_, tapRows_, tapColumns_;
  Tensor weights_;                          // [taps] f32, those that are not zero
  Tensor forwardOffsets_, adjointOffsets_;  // [taps] i64, from the first pixel that an output may read
  Tensor rowSources_, columnSources_;       // i64: which pixel each position of the frame shows, -1 for a zero
  Fold rowFold_, columnFold_;
};

}  // namespace latino

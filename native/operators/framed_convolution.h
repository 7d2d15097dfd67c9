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
    forRows(device, planes * frameH, frameW, [=] LATINO_DEVICE(std::int64_t line, std::int64_t at) {
      const std::int64_t column = columns[at], row = rows[line % frameH], plane = line / frameH;
      extended[line * frameW + at] = row < 0 || column < 0 ? 0 : x[(plane * height + row) * width + column];
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
    forEach(device, planes * paddedH * paddedW, [=] LATINO_DEVICE(std::int64_t i) { padded[i] = 0; });
    forRows(device, planes * coarseH, coarseW, [=] LATINO_DEVICE(std::int64_t line, std::int64_t column) {
      const std::int64_t row = line % coarseH, plane = line / coarseH;
      padded[(plane * paddedH + top + factor * row) * paddedW + left + factor * column] = y[line * coarseW + column];
    });
    correlate(device, planes, {paddedH, paddedW}, {frameH, frameW}, 1, adjointOffsets_.data<std::int64_t>(), static_cast<const T*>(padded),
              spread);
    const auto *rowStarts = rowFold_.starts.data<std::int64_t>(), *rowReads = rowFold_.reads.data<std::int64_t>();
    const auto *columnStarts = columnFold_.starts.data<std::int64_t>(), *columnReads = columnFold_.reads.data<std::int64_t>();
    forRows(device, planes * height, width, [=] LATINO_DEVICE(std::int64_t image, std::int64_t column) {
      const std::int64_t row = image % height, plane = image / height;
      T sum = 0;
      for (std::int64_t r = rowStarts[row]; r < rowStarts[row + 1]; ++r) {
        const T* line = spread + (plane * frameH + rowReads[r]) * frameW;
        for (std::int64_t c = columnStarts[column]; c < columnStarts[column + 1]; ++c) sum += line[columnReads[c]];
      }
      x[image * width + column] = sum;
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
        [=] LATINO_DEVICE(std::int64_t i) {
          const std::int64_t first = i % blocks * kBlock, row = i / blocks % to.height, plane = i / (blocks * to.height);
          const T* source = in + (plane * from.height + step * row) * from.width + step * first;
          T* target = out + (plane * to.height + row) * to.width + first;
          std::int64_t c = 0, count = to.width - first < kBlock ? to.width - first : kBlock;
          if (step == 1) {
            if (count == kBlock) return sumTaps<kBlock>(taps, weights, offsets, source, target);
            for (; c + kShortBlock <= count; c += kShortBlock) sumTaps<kShortBlock>(taps, weights, offsets, source + c, target + c);
          }
          for (; c < count; ++c) {
            T sum = 0;
            for (std::int64_t t = 0; t < taps; ++t) sum += weights[t] * source[offsets[t] + step * c];
            target[c] = sum;
          }
        },
        16);
  }

 private:
  /// Neighbouring outputs that share the loads of the taps and fill vector registers; at the end of a row fewer of them.
  static constexpr std::int64_t kBlock = kNeighbours, kShortBlock = kBlock < 8 ? kBlock : 8;

  template <std::int64_t Count, class T>
  LATINO_HOST_DEVICE static void sumTaps(std::int64_t taps, const float* weights, const std::int64_t* offsets, const T* source, T* target) {
    T sums[Count] = {};
    std::int64_t t = 0;
    for (; t + 4 <= taps; t += 4) {  // four at a time, so that the sums are loaded and stored less often
      const T a = weights[t], b = weights[t + 1], c = weights[t + 2], d = weights[t + 3];
      const T *readA = source + offsets[t], *readB = source + offsets[t + 1], *readC = source + offsets[t + 2],
              *readD = source + offsets[t + 3];
      for (std::int64_t i = 0; i < Count; ++i) sums[i] += a * readA[i] + b * readB[i] + c * readC[i] + d * readD[i];
    }
    for (; t < taps; ++t) {
      const T weight = weights[t], *read = source + offsets[t];
      for (std::int64_t i = 0; i < Count; ++i) sums[i] += weight * read[i];
    }
    for (std::int64_t i = 0; i < Count; ++i) target[i] = sums[i];
  }

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

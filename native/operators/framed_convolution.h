// Convolution with any boundary and its adjoint, as correlations of extended images with the taps that are not zero.
#pragma once

#include "kernels/launch.h"
#include "linalg/fft.h"
#include "operators/operator.h"
#include "tensor/ceil_divide.h"
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
    const std::int64_t left = columnFrom_;
    const Scratch frame = scratch<T>(device, planes * frameH * frameW);
    T* extended = reinterpret_cast<T*>(frame.data());
    const auto *rows = rowSources_.data<std::int64_t>(), *columns = columnSources_.data<std::int64_t>();
    forRows(device, planes * frameH, width, [=] LATINO_DEVICE(std::int64_t line, std::int64_t column) {
      const std::int64_t row = rows[line % frameH], plane = line / frameH;
      extended[line * frameW + left + column] = row < 0 ? 0 : x[(plane * height + row) * width + column];
    });
    forRows(device, planes * frameH, frameW - width, [=] LATINO_DEVICE(std::int64_t line, std::int64_t beside) {
      const std::int64_t at = beside < left ? beside : beside + width, column = columns[at], row = rows[line % frameH];
      extended[line * frameW + at] = row < 0 || column < 0 ? 0 : x[(line / frameH * height + row) * width + column];
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
    if (factor == 1) {
      forRows(device, planes * paddedH, width, [=] LATINO_DEVICE(std::int64_t line, std::int64_t column) {
        const std::int64_t row = line % paddedH - top, plane = line / paddedH;
        padded[line * paddedW + left + column] = row < 0 || row >= height ? 0 : y[(plane * height + row) * width + column];
      });
      forRows(device, planes * paddedH, 2 * left, [=] LATINO_DEVICE(std::int64_t line, std::int64_t beside) {
        padded[line * paddedW + (beside < left ? beside : beside + width)] = 0;
      });
    } else {
      forEach(device, planes * paddedH * paddedW, [=] LATINO_DEVICE(std::int64_t i) { padded[i] = 0; });
      forRows(device, planes * coarseH, coarseW, [=] LATINO_DEVICE(std::int64_t line, std::int64_t column) {
        const std::int64_t row = line % coarseH, plane = line / coarseH;
        padded[(plane * paddedH + top + factor * row) * paddedW + left + factor * column] = y[line * coarseW + column];
      });
    }
    correlate(device, planes, {paddedH, paddedW}, {frameH, frameW}, 1, adjointOffsets_.data<std::int64_t>(), static_cast<const T*>(padded),
              spread);
    const auto *rowStarts = rowFold_.starts.data<std::int64_t>(), *rowReads = rowFold_.reads.data<std::int64_t>();
    const auto *columnStarts = columnFold_.starts.data<std::int64_t>(), *columnReads = columnFold_.reads.data<std::int64_t>();
    const std::int64_t from = columnFold_.onceFrom, once = columnFold_.onceTo - from, shift = columnFrom_;
    forRows(device, planes * height, once, [=] LATINO_DEVICE(std::int64_t image, std::int64_t inside) {
      const std::int64_t row = image % height, first = rowStarts[row], last = rowStarts[row + 1], column = from + inside;
      const T* lines = spread + image / height * frameH * frameW + shift + column;
      T sum = lines[rowReads[first] * frameW];
      for (std::int64_t r = first + 1; r < last; ++r) sum += lines[rowReads[r] * frameW];
      x[image * width + column] = sum;
    });
    forRows(device, planes * height, width - once, [=] LATINO_DEVICE(std::int64_t image, std::int64_t beside) {
      const std::int64_t row = image % height, plane = image / height, column = beside < from ? beside : beside + once;
      T sum = 0;
      for (std::int64_t r = rowStarts[row]; r < rowStarts[row + 1]; ++r) {
        const T* line = spread + (plane * frameH + rowReads[r]) * frameW;
        for (std::int64_t c = columnStarts[column]; c < columnStarts[column + 1]; ++c) sum += line[columnReads[c]];
      }
      x[image * width + column] = sum;
    });
  }

  /// out[i, j] = sum over the taps of weight · in[step i, step j + offset]. (Public, as nvcc asks of every function with a kernel in it.)
  template <class T>
  void correlate(Device& device, std::int64_t planes, Extent from, Extent to, std::int64_t step, const std::int64_t* offsets, const T* in,
                 T* out) const {
    const float* weights = weights_.data<float>();
    const std::int64_t taps = weights_.size(), blocks = ceilDivide(to.width, kBlock);
    forEach(
        device, planes * to.height * blocks,
        [=] LATINO_DEVICE(std::int64_t i) {
          const std::int64_t first = i % blocks * kBlock, row = i / blocks % to.height, plane = i / (blocks * to.height);
          const T* source = in + (plane * from.height + step * row) * from.width + step * first;
          T* target = out + (plane * to.height + row) * to.width + first;
          std::int64_t c = 0, count = to.width - first < kBlock ? to.width - first : kBlock;
          if (step == 1) {
            if (count == kBlock) return sumTaps<kBlock>(taps, weights, offsets, source, target);
            if constexpr (kBlock > kPackLanes) {
              for (; c + 4 * kPackLanes <= count; c += 4 * kPackLanes)
                sumTaps<4 * kPackLanes>(taps, weights, offsets, source + c, target + c);
              for (; c + kPackLanes <= count; c += kPackLanes) sumTaps<kPackLanes>(taps, weights, offsets, source + c, target + c);
            }
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
  /// Neighbouring outputs that share the loads of the taps and stay in registers; at the end of a row fewer of them.
  static constexpr std::int64_t kBlock = kNeighbours;

  template <std::int64_t Count, class T>
  LATINO_HOST_DEVICE static void sumTaps(std::int64_t taps, const float* weights, const std::int64_t* offsets, const T* source, T* target) {
    using Pack = typename PackOf<T>::Type;
    Pack sums[Count / kPackLanes] = {};
    for (std::int64_t t = 0; t < taps; ++t) {
      const T weight = weights[t];
      const auto* read = reinterpret_cast<const Pack*>(source + offsets[t]);
      for (std::int64_t i = 0; i < Count / kPackLanes; ++i) sums[i] += weight * read[i];
    }
    for (std::int64_t i = 0; i < Count / kPackLanes; ++i) reinterpret_cast<Pack*>(target)[i] = sums[i];
  }

  /// For each pixel of an axis, the positions of the frame that show it.
  struct Fold {
    Tensor starts, reads;           // i64
    std::int64_t onceFrom, onceTo;  // pixels that the frame shows once: where it shows the image itself
  };
  static Fold foldOf(const std::shared_ptr<Device>& device, std::int64_t n, const std::vector<std::int64_t>& sources);

  template <class T>
  static Scratch scratch(Device& device, std::int64_t count) {
    return Scratch(device, count * static_cast<std::int64_t>(sizeof(T) / sizeof(float)));
  }

  std::int64_t height_, width_, factor_, tapRows_, tapColumns_;
  std::int64_t columnFrom_;                 // of the frame, where it shows the image itself
  Tensor weights_;                          // [taps] f32, those that are not zero
  Tensor forwardOffsets_, adjointOffsets_;  // [taps] i64, from the first pixel that an output may read
  Tensor rowSources_, columnSources_;       // i64: which pixel each position of the frame shows, -1 for a zero
  Fold rowFold_, columnFold_;
};

}  // namespace latino

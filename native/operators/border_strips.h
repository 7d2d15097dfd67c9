// The strips along the borders of a measurement.
#pragma once

#include <vector>

#include "operators/framed_convolution.h"

namespace latino {

/// Along the borders of a measurement, which of its pixels are within a band, and what they must see to know what A Aᵀ makes of them: a
/// strip along each border, wider than the band. Vectors over the strips lie in memory strip by strip; a pixel of two strips belongs to one
/// of them.
///
/// Where strips would cover most of a measurement, there is one, all of it, and the band is everything.
class BorderStrips {
 public:
  /// One strip, or two of the same size on opposite borders. (Public, as nvcc asks of what kernels hold.)
  struct Layout {
    std::int64_t measuredH, measuredW;   // of all there is
    std::int64_t height, width;          // of a strip
    std::int64_t strips;                 // 1 or 2
    std::int64_t rowStep, columnStep;    // from the first to the second
    std::int64_t bandRows, bandColumns;  // of the band, at each border
    bool isAcross;                       // has what the strips above and below have not

    std::int64_t size() const { return strips * height * width; }
    LATINO_HOST_DEVICE bool owns(std::int64_t row, std::int64_t column) const {
      const bool isBetween = row >= bandRows && row < measuredH - bandRows;
      return isAcross ? isBetween && (column < bandColumns || column >= measuredW - bandColumns) : !isBetween;
    }
  };

  /// Of measurements of images [height, width]; the band is where A Aᵀ differs from the convolution's own product with its transpose.
  BorderStrips(const std::shared_ptr<Device>& device, const Taps& taps, std::int64_t height, std::int64_t width, std::int64_t factor,
               Boundary boundary);

  std::vector<Tensor> tensors() const;

  /// Numbers of a vector over the strips of `planes` planes.
  std::int64_t size(std::int64_t planes) const;

  /// How many rows and columns along the border the strips have.
  Extent depth() const { return depth_; }

  /// A Aᵀ x inside the band; what is outside of it is to be ignored.
  void normal(Device& device, std::int64_t planes, const float* x, float* y) const;

  /// f(at, pixel, isInBand) for every number of such a vector and the pixel that it stands for; of two that stand for the same one is in
  /// the band.
  template <class F>
  void forPixels(Device& device, std::int64_t planes, F f) const {
    std::int64_t start = 0;
    for (const Group& group : groups_) {
      const Layout layout = group.layout;
      const std::int64_t first = start;
      forRows(device, planes * layout.strips * layout.height, layout.width, [=] LATINO_DEVICE(std::int64_t line, std::int64_t at) {
        const std::int64_t strip = line / layout.height % layout.strips, plane = line / (layout.height * layout.strips);
        const std::int64_t row = line % layout.height + strip * layout.rowStep, column = at + strip * layout.columnStep;
        f(first + line * layout.width + at, (plane * layout.measuredH + row) * layout.measuredW + column, layout.owns(row, column));
      });
      start += planes * layout.size();
    }
  }

 private:
  struct Group {
    Layout layout;
    FramedConvolution convolution;
  };

  std::int64_t factor_;
  Extent depth_;
  std::vector<Group> groups_;
};

}  // namespace latino

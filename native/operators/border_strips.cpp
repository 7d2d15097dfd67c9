#include "operators/border_strips.h"

#include <algorithm>

#include "tensor/ceil_divide.h"

namespace latino {

namespace {

/// Strips that cover more than this part of a measurement are not worth their copies.
constexpr double kMostCovered = 0.8;

/// Along one axis, in measured pixels.
struct Reach {
  std::int64_t band = 0;   // what a border reaches: a tap's mirror image, and from there another tap
  std::int64_t strip = 0;  // from the border, as far as the band sees, where the strip's other border does not
};

Reach reachOf(std::int64_t taps, std::int64_t centre, std::int64_t factor) {
  if (taps == 1) return {};
  const std::int64_t reach = ceilDivide(std::max(centre, taps - 1 - centre), factor), band = 2 * reach + 1;
  return {band, band + 2 * reach + 1};
}

}  // namespace

BorderStrips::BorderStrips(const std::shared_ptr<Device>& device, const Taps& taps, std::int64_t height, std::int64_t width,
                           std::int64_t factor, Boundary boundary)
    : factor_(factor), depth_{0, 0} {
  const std::int64_t h = height / factor, w = width / factor;
  const Reach rows = reachOf(taps.height, taps.centreY, factor);
  Reach columns = reachOf(taps.width, taps.centreX, factor);
  columns.strip = ceilDivide(columns.strip, 8) * 8;  // whole vector registers
  const auto add = [&](Layout layout) {
    groups_.push_back({layout, {device, taps, layout.height * factor, layout.width * factor, factor, boundary}});
  };
  // Opposite borders that see each other want everything, too.
  const bool isSmall = 2 * rows.strip > h || 2 * columns.strip > w || boundary == Boundary::circular ||
                       static_cast<double>(2 * (rows.strip * w + columns.strip * h)) > kMostCovered * static_cast<double>(h * w);
  if (isSmall) {
    depth_ = {h, w};
    add({h, w, h, w, 1, 0, 0, h, w, false});
    return;
  }
  depth_ = {rows.strip, columns.strip};
  if (rows.strip > 0) add({h, w, rows.strip, w, 2, h - rows.strip, 0, rows.band, columns.band, false});
  if (columns.strip > 0) add({h, w, h, columns.strip, 2, 0, w - columns.strip, rows.band, columns.band, true});
}

std::vector<Tensor> BorderStrips::tensors() const {
  std::vector<Tensor> all;
  for (const Group& group : groups_) {
    for (const Tensor& tensor : group.convolution.tensors()) all.push_back(tensor);
  }
  return all;
}

std::int64_t BorderStrips::size(std::int64_t planes) const {
  std::int64_t sum = 0;
  for (const Group& group : groups_) sum += planes * group.layout.size();
  return sum;
}

void BorderStrips::normal(Device& device, std::int64_t planes, const float* x, float* y) const {
  for (const Group& group : groups_) {
    const std::int64_t count = planes * group.layout.size();
    const Scratch image(device, count * factor_ * factor_);
    group.convolution.adjoint(device, planes * group.layout.strips, x, image.data());
    group.convolution.forward(device, planes * group.layout.strips, static_cast<const float*>(image.data()), y);
    x += count;
    y += count;
  }
}

}  // namespace latino

#include "linalg/fft.h"

#include "linalg/host/fft_tiles.h"

namespace latino {

std::vector<std::complex<double>> hostTransfer(std::int64_t height, std::int64_t width, const std::vector<double>& plane) {
  const std::int64_t half = halfWidth(width), tiles = tilesOf<double>(width);
  const auto rows = fftPlanOf<double>(width), columns = fftPlanOf<double>(height);
  std::vector<ComplexLanes<double>> tiled(static_cast<std::size_t>(tiles * height)),
      memory(static_cast<std::size_t>(std::max(workspaceOf(*rows), workspaceOf(*columns))));
  for (std::int64_t row = 0; row < height; row += kRows<double>)
    forwardRows(*rows, {height, width}, width, height, row, plane.data(), tiled.data(),
                Workspace<double>{memory.data(), memory.data() + width});
  std::vector<std::complex<double>> spectrum(static_cast<std::size_t>(height * half));
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    forwardColumns(*columns, half, tile, tiled.data() + tile * height, 1.0, reinterpret_cast<double*>(spectrum.data()),
                   memory.data() + height);
  }
  return spectrum;
}

}  // namespace latino

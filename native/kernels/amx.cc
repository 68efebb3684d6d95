// Compiled for AMX, and with EMBEDPIPE_TILE_MODEL once per vector width: EMBEDPIPE_PRODUCTS and EMBEDPIPE_BFLOAT16 name
// the tables for int8 and bfloat16.

#include "tile_products.h"

namespace embedpipe {

extern const Products EMBEDPIPE_PRODUCTS, EMBEDPIPE_BFLOAT16;
const Products EMBEDPIPE_PRODUCTS = tile_products_of<TileInt8>();
const Products EMBEDPIPE_BFLOAT16 = tile_products_of<TileBFloat16>();

}  // namespace embedpipe

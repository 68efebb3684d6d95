// Compiled for AVX512-BF16: EMBEDPIPE_PRODUCTS names the table.

#include "bfloat16.h"

#include "products.h"

namespace embedpipe {

extern const Products EMBEDPIPE_PRODUCTS;
const Products EMBEDPIPE_PRODUCTS = products_of<BFloat16>();

}  // namespace embedpipe

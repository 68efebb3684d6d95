// Compiled once per instruction set that has products of integers of its own: EMBEDPIPE_PRODUCTS names the table.

#include "int8.h"

#include "products.h"

namespace embedpipe {

extern const Products EMBEDPIPE_PRODUCTS;
const Products EMBEDPIPE_PRODUCTS = products_of<Int8>();

}  // namespace embedpipe

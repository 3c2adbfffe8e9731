// wgmma: a product is only noted when it is issued, and computed when its warp waits for its group, from what shared
// memory holds then; until then its sums hold poison. Both times the memory checker sees the reads, as the hardware reads
// at any time between. Each warp computes its own 16 rows, so the four warps of a group need not meet.
#include <cstring>

#include "sim.h"

static int warp_in_group(const Warp* warp) { return static_cast<int>(warp - warp->block->warps) % 4; }

extern "C" uint64_t sim_matrix_descriptor(const void* shared, int leading, int stride, const char* file, int line) {
    const Thread* const me = self();
    const ptrdiff_t start = static_cast<const unsigned char*>(shared) - me->block->shared;
    if (start < 0 || uint64_t(start) >= launch->shared_bytes)
        fail("%s: matrix_descriptor at %s:%d of an address outside shared memory", describe(me), file, line);
    if (start % 16 != 0 || leading % 16 != 0 || stride % 16 != 0)
        fail("%s: misaligned matrix_descriptor at %s:%d: start %td, leading %d and stride %d must be multiples of 16",
             describe(me), file, line, start, leading, stride);
    if (leading < 0 || leading >> 18 != 0 || stride < 0 || stride >> 18 != 0)
        fail("%s: matrix_descriptor at %s:%d: leading %d and stride %d have 14 bits of 16 bytes", describe(me), file, line,
             leading, stride);
    return uint64_t(start) >> 4 | uint64_t(leading) >> 4 << 16 | uint64_t(stride) >> 4 << 32;
}

extern "C" void sim_fence_proxy_async() { ++self()->proxy_fences; }

// ------------------------------------------------------------------------------------------------ reading shared memory

// Row i of 16 bytes of a matrix: rows 0-7 are one core matrix, 8-15 its neighbour in k, 16-31 those of the next eight m
// or n. The reads are spread over the lanes.
static const unsigned char* row_of_matrix(uint64_t descriptor, int i, const Warp* warp, Site site) {
    const uint64_t start = descriptor & 0x3fff, leading = descriptor >> 16 & 0x3fff, stride = descriptor >> 32 & 0x3fff;
    const uint64_t byte = 16 * (start + i / 16 * stride + i / 8 % 2 * leading + i % 8);
    SimCoordinates* const running = sim_here;
    sim_here = &warp->lanes[i % 32];
    if (byte + 16 > launch->shared_bytes)
        fail("%s: out-of-bounds read of 16 bytes at byte %llu of shared memory, which has %llu bytes, by the wgmma at %s:%d",
             describe(self()), static_cast<unsigned long long>(byte), static_cast<unsigned long long>(launch->shared_bytes),
             site.file, site.line);
    const unsigned char* const row = warp->block->shared + byte;
    memory_access(row, 16, Access::product_read, site, nullptr);
    sim_here = running;
    return row;
}

static void check_reads(const Product& product, const Warp* warp) {
    const SimWgmma& form = product.lanes[0];
    if (form.registers == nullptr)
        for (int i = 0; i < 32; ++i) row_of_matrix(form.a, 32 * warp_in_group(warp) + i, warp, product.site);
    for (int i = 0; i < 2 * form.n; ++i) row_of_matrix(form.b, i, warp, product.site);
}

// Calls put(m or n, k, value) for each element of the 16 bytes of row i.
template <class Put>
static void unpack(const unsigned char* row, int i, bool bf16, bool by_rows, Put put) {
    const int block = i / 16 * 8, half = i / 8 % 2, inner = i % 8;
    if (bf16) {
        uint16_t values[8];
        memcpy(values, row, 16);
        for (int j = 0; j < 8; ++j) {
            if (by_rows)
                put(block + j, 8 * half + inner, bf16_low(values[j]));
            else
                put(block + inner, 8 * half + j, bf16_low(values[j]));
        }
    } else {
        uint32_t values[4];
        memcpy(values, row, 16);
        for (int j = 0; j < 4; ++j) put(block + inner, 4 * half + j, tf32(values[j]));
    }
}

// ------------------------------------------------------------------------------------------------ computing

static void gather_registers(float (*a)[16], const Product& product) {
    for (int lane = 0; lane < 32; ++lane) {
        const int g = lane / 4, t = lane % 4;
        for (int i = 0; i < 4; ++i) {
            const uint32_t bits = product.a[lane][i];
            float* const row = a[g + i % 2 * 8];
            if (product.lanes[0].bf16) {
                row[2 * t + i / 2 * 8] = bf16_low(bits);
                row[2 * t + 1 + i / 2 * 8] = bf16_high(bits);
            } else {
                row[t + i / 2 * 4] = tf32(bits);
            }
        }
    }
}

static void compute(Product& product, const Warp* warp) {
    const SimWgmma& form = product.lanes[0];
    const int first_row = 16 * warp_in_group(warp), depth = form.bf16 ? 16 : 8;
    float a[16][16], b[32][16][8];  // of b: columns in eights
    if (form.registers != nullptr) gather_registers(a, product);
    else
        for (int i = 2 * first_row; i < 2 * first_row + 32; ++i)
            unpack(row_of_matrix(form.a, i, warp, product.site), i, form.bf16, form.a_rows,
                   [&](int m, int k, float value) { a[m - first_row][k] = value; });
    for (int i = 0; i < 2 * form.n; ++i)
        unpack(row_of_matrix(form.b, i, warp, product.site), i, form.bf16, form.b_rows,
               [&](int n, int k, float value) { b[n / 8][k][n % 8] = value; });
    for (int j = 0; j < form.n / 8; ++j) {
        const auto sum = [&](int lane, int i) -> float& { return product.sums[lane * form.n / 2 + 4 * j + i]; };
        float d[16][8];
        for (int lane = 0; lane < 32; ++lane)
            for (int i = 0; i < 4; ++i) d[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2] = sum(lane, i);
        for (int k = 0; k < depth; ++k)
            for (int row = 0; row < 16; ++row)
                for (int column = 0; column < 8; ++column) d[row][column] += a[row][k] * b[j][k][column];
        for (int lane = 0; lane < 32; ++lane)
            for (int i = 0; i < 4; ++i) sum(lane, i) = d[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
    }
}

// ------------------------------------------------------------------------------------------------ issuing and waiting

// Moves the sums of all lanes out of their registers and leaves poison there.
static void take_sums(Product& product) {
    const int n_sums = product.lanes[0].n / 2;
    product.sums.resize(32 * n_sums);
    for (int lane = 0; lane < 32; ++lane) {
        float* const d = product.lanes[lane].d;
        memcpy(&product.sums[lane * n_sums], d, 4 * n_sums);
        for (int i = 0; i < n_sums; ++i) memcpy(d + i, &poison, 4);
    }
}

static void give_sums(const Product& product, const Warp* warp) {
    const int n_sums = product.lanes[0].n / 2;
    for (int lane = 0; lane < 32; ++lane) {
        float* const d = product.lanes[lane].d;
        for (int i = 0; i < n_sums; ++i)
            if (memcmp(d + i, &poison, 4) != 0)
                fail("missing wait: %s changed d[%d] of the wgmma at %s:%d before the wgmma_wait for it",
                     describe(&warp->lanes[lane]), i, product.site.file, product.site.line);
        memcpy(d, &product.sums[lane * n_sums], 4 * n_sums);
    }
}

static void issue(void** operands, Site site, Warp* warp) {
    const Block* const block = warp->block;
    if (32 * (warp - block->warps - warp_in_group(warp)) + 128 > block->n_threads)
        fail("%s: a wgmma at %s:%d needs four whole warps, the first a multiple of 4; the block has %d threads",
             describe(self()), site.file, site.line, block->n_threads);
    warp->products.emplace_back();
    Product& product = warp->products.back();
    for (int lane = 0; lane < 32; ++lane) {
        product.lanes[lane] = *static_cast<const SimWgmma*>(operands[lane]);
        if (product.lanes[lane].a != product.lanes[0].a || product.lanes[lane].b != product.lanes[0].b)
            fail("%s gives the wgmma at %s:%d another descriptor than lane 0 of its warp", describe(&warp->lanes[lane]),
                 site.file, site.line);
        if (product.lanes[lane].registers != nullptr) memcpy(product.a[lane], product.lanes[lane].registers, 16);
    }
    product.group = warp->open_products;
    product.site = site;
    ++warp->n_products;
    bool in_flight = false;
    for (const Product& other : warp->products) {
        if (&other == &product || other.lanes[0].d != product.lanes[0].d) continue;
        in_flight = true;
        if (other.lanes[0].n != product.lanes[0].n)
            fail("%s: the wgmma at %s:%d adds %d columns to the d of the one in flight from %s:%d, which has %d",
                 describe(self()), site.file, site.line, product.lanes[0].n, other.site.file, other.site.line,
                 other.lanes[0].n);
    }
    if (!in_flight) {
        if (!warp->fenced)
            fail("missing fence: %s is at a wgmma at %s:%d with no wgmma_fence since its start or its last wgmma_wait",
                 describe(self()), site.file, site.line);
        take_sums(product);
    }
    check_reads(product, warp);
}

static void wait(int groups, Warp* warp) {
    std::vector<Product>& products = warp->products;
    size_t done = 0;
    while (done < products.size() && products[done].group + groups < warp->open_products) {
        Product& product = products[done++];
        compute(product, warp);
        Product* next = nullptr;  // which goes on with the same sums
        for (size_t i = products.size(); i-- > done;)
            if (products[i].lanes[0].d == product.lanes[0].d) next = &products[i];
        if (next != nullptr)
            next->sums.swap(product.sums);
        else
            give_sums(product, warp);
    }
    products.erase(products.begin(), products.begin() + done);
    warp->fenced = false;
}

void run_wgmma(SimOp op, void** operands, Site site, Warp* warp) {
    switch (op) {
        case SIM_WGMMA: issue(operands, site, warp); break;
        case SIM_WGMMA_FENCE: warp->fenced = true; break;
        case SIM_WGMMA_COMMIT: ++warp->open_products; break;
        default: wait(*static_cast<const int*>(operands[0]), warp);
    }
}

void wgmma_start(Warp* warp) {
    warp->products.clear();
    warp->open_products = warp->n_products = 0;
    warp->fenced = false;
}

void wgmma_exit(const Thread* thread) {
    const Warp* const warp = thread->warp;
    if (!warp->products.empty())
        fail("missing wait: %s returned with the wgmma at %s:%d in flight", describe(thread), warp->products[0].site.file,
             warp->products[0].site.line);
    if (warp->exited != warp->exists) return;
    const Warp* const first = warp - warp_in_group(warp);
    const Warp* const end = warp->block->warps + (warp->block->n_threads + 31) / 32;  // behind it are earlier launches
    for (const Warp* other = first; other < first + 4 && other < end; ++other)
        if (other->exited == other->exists && other->n_products != warp->n_products)
            fail("divergence in a warpgroup: the warp of %s returned after %u wgmmas, that of %s after %u", describe(thread),
                 warp->n_products, describe(other->lanes), other->n_products);
}

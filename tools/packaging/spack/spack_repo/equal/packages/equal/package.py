# SPDX-License-Identifier: Apache-2.0
from spack_repo.builtin.build_systems.cmake import CMakePackage, generator

from spack.package import *


class Equal(CMakePackage):
    """Turns a huge text corpus and a small reference set of question-answer pairs into an instruction-tuning data set
    with as few LLM calls as it can: EQUAL (arXiv 2505.12250) as an MPI job."""

    homepage = "https://arxiv.org/abs/2505.12250"

    license("Apache-2.0", checked_by="equal")

    # Built from a clone: spack develop --path CLONE equal@=main, or spack dev-build equal@=main in it.
    version("main")

    variant("onednn", default=True, description="int8 screen of k-means through oneDNN where the CPU lacks VNNI kernels of ours")
    variant("parquet", default=False, description="Read and write Parquet with Arrow C++")
    variant("zstd", default=True, description="Read and write .zst files")
    variant("tests", default=False, description="Build the tests")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")

    depends_on("mpi")
    depends_on("hdf5@1.10: ~mpi")
    depends_on("boost@1.74: +program_options")
    depends_on("openblas@0.3: threads=none")
    depends_on("openssl@3:")
    depends_on("curl@7.80:")
    depends_on("zlib-api")
    depends_on("utf8proc@2.7: +shared")
    depends_on("simdjson@2:")
    depends_on("nlohmann-json@3.10:")
    depends_on("fmt@8:")
    depends_on("spdlog@1.10:")
    depends_on("zstd@1.5:", when="+zstd")
    depends_on("onednn@2.6:", when="+onednn")
    depends_on("arrow@14: +parquet +zstd", when="+parquet")
    depends_on("googletest@1.12: +gmock", type="build", when="+tests")

    conflicts("%gcc@:11", msg="C++20 as of g++ 12 or clang 14")
    conflicts("%clang@:13", msg="C++20 as of g++ 12 or clang 14")

    generator("ninja")

    def cmake_args(self):
        return [
            self.define_from_variant("EQUAL_ONEDNN", "onednn"),
            self.define_from_variant("EQUAL_PARQUET", "parquet"),
            self.define_from_variant("EQUAL_ZSTD", "zstd"),
            self.define_from_variant("EQUAL_TESTS", "tests"),
            self.define("EQUAL_SYSTEM_ARROW", True),
            self.define("EQUAL_BENCH", False),
            self.define("CMAKE_UNITY_BUILD", True),
        ]

    def test_version(self):
        """the program says what it is made of"""
        equal = which(self.prefix.bin.equal)
        assert "HDF5" in equal("--version", "--verbose", output=str)

-- An example of a module file for Lmod: put it as mpisweep/<version>.lua into a folder of MODULEPATH.
-- Site settings:
local root = "/shared/apps/mpisweep/0.1.0"  -- of `cmake --install build --prefix ...`
local modules = {"openmpi", "hdf5"}         -- what it was built with

help([[mpisweep spreads a grid of trainings over the ranks of an MPI job: mpisweep --help]])
whatis("Name: mpisweep")
whatis("Description: grids of trainings over MPI ranks and GPUs, results in one HDF5 file")

for _, name in ipairs(modules) do
  depends_on(name)
end
prepend_path("PATH", pathJoin(root, "bin"))

-- How Neovim starts the server. Found on the runtime path by
-- vim.lsp.enable('lacuna'); override any field with vim.lsp.config('lacuna', {}).
return {
  cmd = { 'lacuna', 'lsp', '--stdio' },
  filetypes = { 'go', 'python' },
  root_markers = { 'go.work', 'go.mod', 'pyproject.toml', 'setup.py', '.git' },
}

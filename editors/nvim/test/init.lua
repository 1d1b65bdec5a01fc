-- What the editor under test starts with: the plugin as a user has it, the server
-- named by the harness, and a probe that tells the harness what can be seen.
local here = vim.fs.dirname(vim.fs.abspath(debug.getinfo(1, 'S').source:sub(2)))
vim.opt.runtimepath:prepend(vim.fs.dirname(here))
vim.o.swapfile = false
-- Otherwise a typed "}" moves its line, and no text would be where the test put it.
vim.cmd('filetype indent off')
vim.lsp.log.set_level('debug')
vim.lsp.config('lacuna', { cmd = { vim.env.LACUNA_BIN, 'lsp', '--stdio' } })
require('lacuna').setup()

Probe = {}

-- For each LSP method the changedtick of the latest request and of the latest
-- one that was answered.
local asked, answered = {}, {}
local ticks = {}
vim.api.nvim_create_autocmd('LspRequest', {
  callback = function(event)
    local request = event.data.request
    if request.type == 'pending' then
      ticks[event.data.request_id] = vim.api.nvim_buf_get_changedtick(request.bufnr)
      asked[request.method] = ticks[event.data.request_id]
    elseif request.type == 'complete' then
      answered[request.method] = ticks[event.data.request_id]
    end
  end,
})

--- Whether the method was asked for and answered for the buffer as it is now.
function Probe.answered(method)
  local tick = vim.api.nvim_buf_get_changedtick(0)
  return asked[method] == tick and answered[method] == tick
end

--- The ghost text as it is drawn: where it starts (0-based row and byte column)
--- and what it says.
function Probe.ghost()
  local namespace = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
  local marks = vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })
  if #marks == 0 then
    return nil
  end
  local function text(chunks)
    return table.concat(vim.tbl_map(function(chunk)
      return chunk[1]
    end, chunks))
  end
  local details = marks[1][4]
  local lines = { text(details.virt_text) }
  vim.list_extend(lines, vim.tbl_map(text, details.virt_lines or {}))
  local ghost = { row = marks[1][2], col = marks[1][3], text = table.concat(lines, '\n') }
  return ghost.text ~= '' and ghost or nil
end

--- The buffer as a file would have it.
function Probe.text()
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), '\n') .. '\n'
end

--- Whether the server is there and offers what the tests ask of it.
function Probe.ready()
  local client = vim.lsp.get_clients({ name = 'lacuna', bufnr = 0 })[1]
  return client ~= nil
    and client.initialized
    and client:supports_method('textDocument/inlineCompletion')
    and client:supports_method('textDocument/codeAction')
end

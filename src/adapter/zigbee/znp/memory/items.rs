//! Items of the memory: read and written whole, whatever of them fits into a frame.

use tokio::io::{AsyncRead, AsyncWrite};

use crate::adapter::zigbee::{
    wire::{Bytes8, Bytes16},
    znp::{
        command::{
            status::Status,
            sys::{NvInit, NvLength, NvRead, NvReadLong, NvValue, NvWrite, NvWriteLong},
        },
        coordinator::Coordinator,
        error::{ZnpError, done},
    },
};

/// Most bytes of one write.
const PART: usize = 240;

impl<L: AsyncRead + AsyncWrite + Unpin + Send> Coordinator<L> {
    /// Reads an item; `None` where there is none.
    pub(in super::super) async fn item(&mut self, id: u16) -> Result<Option<Vec<u8>>, ZnpError> {
        let length = usize::from(self.host().request(&NvLength { id }).await?.length);
        let mut value = Vec::new();
        while value.len() < length {
            let part = self.part(id, value.len()).await?;
            done::<NvRead>(part.status)?;
            if part.value.as_slice().is_empty() {
                return Err(ZnpError::Memory("an item that is shorter than it says"));
            }
            value.extend_from_slice(part.value.as_slice());
        }
        Ok((length > 0).then_some(value))
    }

    /// Reads part of an item.
    async fn part(&mut self, id: u16, offset: usize) -> Result<NvValue, ZnpError> {
        if let Ok(offset) = u8::try_from(offset) {
            return Ok(self.host().request(&NvRead { id, offset }).await?);
        }
        let offset = u16::try_from(offset).map_err(|_| ZnpError::Memory("an item that long"))?;
        Ok(self.host().request(&NvReadLong { id, offset }).await?)
    }

    /// Writes an item, which need not be there.
    pub(in super::super) async fn write_item(&mut self, id: u16, value: &[u8]) -> Result<(), ZnpError> {
        let length = u16::try_from(value.len()).map_err(|_| ZnpError::Memory("an item that long"))?;
        let mut parts = value.chunks(PART);
        let mut offset = 0;
        if self.host().request(&NvLength { id }).await?.length == 0 {
            let first = Bytes8::try_from(parts.next().unwrap_or_default().to_vec())?;
            offset = u16::try_from(first.as_slice().len()).expect("a part is short");
            let status = self.host().request(&NvInit { id, length, value: first }).await?.status;
            if status != Status::NV_MADE {
                done::<NvInit>(status)?;
            }
        }
        for part in parts {
            self.write_part(id, offset, part).await?;
            offset += u16::try_from(part.len()).expect("a part is short");
        }
        Ok(())
    }

    /// Writes part of an item.
    async fn write_part(&mut self, id: u16, offset: u16, part: &[u8]) -> Result<(), ZnpError> {
        let status = if let Ok(offset) = u8::try_from(offset) {
            self.host().request(&NvWrite { id, offset, value: Bytes8::try_from(part.to_vec())? }).await?.status
        } else {
            let value = Bytes16::try_from(part.to_vec())?;
            self.host().request(&NvWriteLong { id, offset, value }).await?.status
        };
        done::<NvWrite>(status)
    }
}
